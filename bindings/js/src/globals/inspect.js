// How a value is printed: `util.inspect` of Node in small.

const DEPTH = 2;
const MOST = 100;

/** A text of any value, with its class and its fields. */
export function inspect(value, depth = DEPTH) {
    return show(value, depth, [], true);
}

function show(value, depth, above, quoted) {
    switch (typeof value) {
        case "string":
            return quoted ? quote(value) : value;
        case "bigint":
            return `${value}n`;
        case "symbol":
            return value.toString();
        case "function":
            return describeFunction(value);
        case "object":
            return value === null ? "null" : showObject(value, depth, above);
        default:
            return Object.is(value, -0) ? "-0" : String(value);
    }
}

function quote(text) {
    const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes("`") ? "`" : "'";
    const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"');
    return mark + (mark === "'" ? escaped.replaceAll("'", "\\'") : escaped) + mark;
}

function describeFunction(value) {
    const source = Function.prototype.toString.call(value);
    if (source.startsWith("class")) {
        return `[class ${value.name || "(anonymous)"}]`;
    }
    return value.name ? `[Function: ${value.name}]` : "[Function (anonymous)]";
}

function showObject(value, depth, above) {
    if (above.includes(value)) {
        return "[Circular *1]";
    }
    if (value instanceof Error) {
        return showError(value, depth, [...above, value]);
    }
    if (value instanceof Date) {
        return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
    }
    if (value instanceof RegExp) {
        return String(value);
    }
    const name = Object.getPrototypeOf(value)?.constructor?.name ?? "";
    if (depth < 0) {
        return Array.isArray(value) ? "[Array]" : `[${name || "Object"}]`;
    }
    const within = [...above, value];
    const inner = (one) => show(one, depth - 1, within, true);
    if (Array.isArray(value)) {
        return brackets("", "[", entries(value, inner).concat(fields(value, inner, true)), "]");
    }
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
        return brackets(`${name}(${value.length}) `, "[", entries(value, inner), "]");
    }
    if (value instanceof Map) {
        const pairs = entries([...value], ([key, one]) => `${inner(key)} => ${inner(one)}`);
        return brackets(`Map(${value.size}) `, "{", pairs, "}");
    }
    if (value instanceof Set) {
        return brackets(`Set(${value.size}) `, "{", entries([...value], inner), "}");
    }
    if (value instanceof Promise) {
        return "Promise { }";
    }
    const prefix = name === "Object" ? "" : name === "" ? "[Object: null prototype] " : `${name} `;
    return brackets(prefix, "{", fields(value, inner, false), "}");
}

function showError(error, depth, within) {
    const head = `${error.name}${error.message ? `: ${error.message}` : ""}`;
    const stack = typeof error.stack === "string" ? error.stack.trimEnd() : "";
    // The stack of QuickJS is without the head.
    let text = stack.startsWith(head) ? stack : stack ? `${head}\n${stack}` : stack || head;
    const inner = (one) => show(one, depth - 1, within, true);
    const own = fields(error, inner, false, ["stack", "message", "name", "cause"]);
    if (own.length > 0) {
        text += ` ${brackets("", "{", own, "}")}`;
    }
    if (error.cause !== undefined) {
        text += `\n[cause]: ${show(error.cause, depth, within, true)}`;
    }
    return text;
}

function entries(list, inner) {
    const shown = Array.prototype.map.call(Array.prototype.slice.call(list, 0, MOST), inner);
    const more = list.length - MOST;
    return more > 0 ? [...shown, `... ${more} more item${more === 1 ? "" : "s"}`] : [...shown];
}

function fields(value, inner, withoutIndices, without = []) {
    return Object.keys(value)
        .filter((key) => !without.includes(key) && !(withoutIndices && /^\d+$/.test(key)))
        .map((key) => {
            const property = Object.getOwnPropertyDescriptor(value, key);
            const text = property?.get ? "[Getter]" : inner(value[key]);
            return `${/^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key)}: ${text}`;
        });
}

function brackets(prefix, open, parts, close) {
    if (parts.length === 0) {
        return `${prefix}${open}${close}`;
    }
    const line = parts.join(", ");
    if (line.length <= 72 && !line.includes("\n")) {
        return `${prefix}${open} ${line} ${close}`;
    }
    return `${prefix}${open}\n  ${parts.join(",\n").replaceAll("\n", "\n  ")}\n${close}`;
}

/** The arguments of `console.log` as a text, with `%s`, `%d`, `%i`, `%f`, `%j`, `%o`, `%O`, `%c` and `%%`. */
export function format(...parameters) {
    let text = "";
    let rest = parameters;
    if (typeof parameters[0] === "string") {
        let used = 1;
        text = parameters[0].replace(/%[sdifjoOc%]/g, (mark) => {
            if (mark === "%%") {
                return parameters.length > 1 ? "%" : mark;
            }
            if (used >= parameters.length) {
                return mark;
            }
            return formatOne(mark, parameters[used++]);
        });
        rest = parameters.slice(used);
        if (rest.length > 0) {
            text += " ";
        }
    }
    return text + rest.map((value) => show(value, DEPTH, [], false)).join(" ");
}

function formatOne(mark, value) {
    switch (mark) {
        case "%s":
            return show(value, 0, [], false);
        case "%d":
            return typeof value === "bigint" ? `${value}n` : String(Number(value));
        case "%i":
            return typeof value === "bigint" ? `${value}n` : String(Number.parseInt(value, 10));
        case "%f":
            return String(Number.parseFloat(value));
        case "%j":
            return JSON.stringify(value);
        case "%c":
            return "";
        default:
            return inspect(value, 4);
    }
}
