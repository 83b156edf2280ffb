// What the types refuse.

import { command, openConnection, Server, startServer, StreamWriter } from "wasyncio";
import { openUnixConnection } from "wasyncio/full";

export async function wrong(writer: StreamWriter) {
    // @ts-expect-error
    await openConnection(7, 80);
    // @ts-expect-error
    await openConnection("h", "80");
    // @ts-expect-error
    await openConnection("h", 80, { limitt: 1 });
    // @ts-expect-error
    await openConnection("h", 80, { ssl: { verifyMode: "no" } });
    // @ts-expect-error
    await startServer("h", 80);
    // @ts-expect-error
    writer.write(7);
    // @ts-expect-error
    writer.wait_closed();
    // @ts-expect-error
    new Server();
    // @ts-expect-error
    await openUnixConnection(7);
    // @ts-expect-error
    command((count: number) => count);
}
