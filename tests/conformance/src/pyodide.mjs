// Runs oracle.py in Pyodide, a CPython under Node: programs from the standard input, reports to the standard output.
//
// node pyodide.mjs PATH/TO/pyodide.mjs PATH/TO/oracle.py

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [module, script] = process.argv.slice(2);
const { loadPyodide } = await import(pathToFileURL(module));
const python = await loadPyodide();
// What is not named __main__ does not read the standard input by itself.
python.globals.set("__name__", "oracle");
python.runPython(readFileSync(script, "utf8"));
const runLines = python.globals.get("run_lines");

console.log(python.runPython("'.'.join(map(str, sys.version_info[:3]))"));
let unfinished = "";
for await (const chunk of process.stdin.setEncoding("utf8")) {
  const text = unfinished + chunk;
  const end = text.lastIndexOf("\n") + 1;
  unfinished = text.slice(end);
  if (end > 0) process.stdout.write(runLines(text.slice(0, end)));
}
