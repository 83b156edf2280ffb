// What nobody has caught.

import { inspect } from "../globals/inspect.js";
import { stderr } from "./output.js";

/** Logs an error that nobody has caught, and what for, to the standard error. */
export function report(what, error) {
    stderr.write(`${what}\n${inspect(error)}\n`);
}
