// What the tests run in the sandbox: `cases CASE [ARGUMENT…]`.

import * as asyncio from "wasyncio/full";

import { clients } from "./cases/clients.js";
import { engine } from "./cases/engine.js";
import { servers } from "./cases/servers.js";

const cases = { ...clients, ...engine, ...servers };

export const run = asyncio.command(async (name, ...parameters) => {
    const chosen = cases[name];
    if (chosen === undefined) {
        throw new TypeError(`there is no case ${name}`);
    }
    await chosen(...parameters);
});
