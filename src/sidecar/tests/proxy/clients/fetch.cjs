// Asks for a URL, prints the body as it comes, and then the status.
//
//     fetch.cjs fetch|undici URL PROXY [UPLOAD]

const { readFileSync } = require("node:fs");
const undici = require("undici");

const [library, url, proxy, upload] = process.argv.slice(2);
const dispatcher = new undici.ProxyAgent(proxy);
const body = upload ? readFileSync(upload) : undefined;
const options = { method: upload ? "POST" : "GET", body, dispatcher };

async function main() {
    // Both leave it to a dispatcher to connect, and only the second is the library itself.
    const answer =
        library === "fetch" ? await fetch(url, options) : await undici.request(url, options);
    for await (const piece of answer.body) {
        process.stdout.write(piece);
    }
    console.log("\nstatus", answer.status ?? answer.statusCode);
    await dispatcher.close();
}

main().catch((error) => {
    // A refused CONNECT is an error of the connection, and its status is in the cause's words.
    console.log("\nstatus", String(error.cause?.message ?? error.message));
});
