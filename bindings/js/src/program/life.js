// How long the program lives: until nothing is left that it waits for.

let waiting = 0;
let running = false;
let atRest;

/** Something is waited for. */
export function wait() {
    if (!running) {
        throw new Error("nothing can be awaited while the component is built: do it in the function that is given to command()");
    }
    waiting += 1;
}

/** It has ended. */
export function waited() {
    waiting -= 1;
    if (waiting === 0 && atRest !== undefined) {
        // Who waited for it may begin something else.
        Promise.resolve().then(() => Promise.resolve()).then(lookAgain);
    }
}

function lookAgain() {
    if (waiting === 0) {
        atRest?.();
    }
}

/** Whether the program runs, and is not being built. */
export function isRunning() {
    return running;
}

/** The program begins. */
export function begin() {
    running = true;
}

/** Settles when nothing is waited for any more. */
export function rest() {
    return new Promise((resolve) => {
        atRest = resolve;
        lookAgain();
    });
}
