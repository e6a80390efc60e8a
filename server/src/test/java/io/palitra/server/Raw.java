package io.palitra.server;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** Bytes over a socket, as no client sends them. */
final class Raw {
    private Raw() {}

    static Socket connect(int port) throws IOException {
        Socket socket = new Socket("127.0.0.1", port);
        socket.setSoTimeout(20_000);
        return socket;
    }

    static void send(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
        socket.getOutputStream().flush();
    }

    /** All that comes until the other end closes; what came so far where it breaks off. */
    static String read(Socket socket) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        InputStream in = socket.getInputStream();
        try {
            in.transferTo(all);
        } catch (java.net.SocketException e) {
            if (all.size() == 0) return "";
        }
        return all.toString(StandardCharsets.ISO_8859_1);
    }

    static String ask(int port, String request) throws IOException {
        try (Socket socket = connect(port)) {
            send(socket, request);
            return read(socket);
        }
    }

    /** What stands behind the headers, of an answer with a length. */
    static String body(String answer) { return answer.substring(answer.indexOf("\r\n\r\n") + 4); }
}
