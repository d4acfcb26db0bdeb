// A proxy that speaks HTTP/2 to browsers, as any in front of a real server does: for bench/page_load.py.
// node bench/h2_proxy.mjs PORT KEY CERTIFICATE BACKEND_PORT
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";

const [port, key, certificate, backend] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true });
const server = http2.createSecureServer({ key: readFileSync(key), cert: readFileSync(certificate), allowHTTP1: true });

server.on("request", (request, response) => {
  const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !name.startsWith(":")));
  const { method, url: path } = request;
  const asked = http.request({ agent, port: backend, host: "127.0.0.1", method, path, headers }, (answer) => {
    const { connection, "keep-alive": _, "transfer-encoding": __, ...kept } = answer.headers;
    response.writeHead(answer.statusCode, kept);
    answer.pipe(response);
  });
  asked.on("error", () => response.destroy());
  request.pipe(asked);
});

server.on("upgrade", (request, socket) => {
  const head = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const to = net.connect(Number(backend), "127.0.0.1", () => {
    to.write(`${request.method} ${request.url} HTTP/1.1\r\n${head.join("")}\r\n`);
    socket.pipe(to).pipe(socket);
  });
  for (const one of [to, socket]) one.on("error", () => socket.destroy());
});

server.listen(Number(port), "127.0.0.1", () => process.stdout.write("ready\n"));
