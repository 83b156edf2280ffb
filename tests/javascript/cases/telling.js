// What the cases print.

const decoder = new TextDecoder();

export const text = (bytes) => decoder.decode(bytes);

export const say = (...parts) => console.log(...parts.map((part) => (typeof part === "string" ? part : String(part))));

/** The name, the fields and the text of what a call throws; `nothing` if it throws nothing. */
export async function thrown(call) {
    try {
        await call();
        return "nothing";
    } catch (error) {
        const fields = ["kind", "code", "reason", "verifyCode"].map((name) => error?.[name]).filter((value) => value ?? false);
        const exceptions = error?.exceptions?.map((one) => one.kind) ?? [];
        const name = error instanceof Error || error instanceof DOMException ? error.name : "not an error";
        return [name, ...fields, ...exceptions, "|", error?.message ?? error].join(" ");
    }
}
