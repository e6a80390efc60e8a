package io.palitra.server;

import io.palitra.config.ConfigException;
import io.palitra.config.Help;
import java.util.List;

/** How a server runs. */
public record ServerConfig(
        @Help("address that it listens on; any but this machine's own wants a token") String host,
        @Help(value = "0 = any that is free", min = 0, max = 65535) int port,
        @Help("what a caller sends as Authorization: Bearer; empty = nobody is asked for one") String token,
        @Help(value = "folder of the runs that jobs may use, by the names of their folders", place = Help.Place.DATA) String runs,
        @Help(value = "folder of what jobs make", place = Help.Place.OUT) String jobs,
        @Help(value = "GiB that files in the folder of jobs may take, uploads too; the oldest that are no favourites make room", min = 1,
            max = 1_000_000) int disk,
        @Help(value = "jobs that wait, at most", min = 1, max = 100_000) int queue,
        @Help(value = "of these as many of one caller, at most", min = 1, max = 100_000) int share,
        @Help(value = "models beside those runs: folders, files, org/name of the hub, or NAME=one of these; jobs name them by NAME, "
            + "which is else the last part", place = Help.Place.MODEL) List<String> models,
        @Help(value = "folder whose folders and files are data sets that jobs may name; empty = those of the catalogue alone",
            place = Help.Place.DATA) String data,
        @Help(value = "pictures that are drawn at once, of jobs that ask for the same", min = 1, max = 256) int batch,
        @Help(value = "MiB of memory for models that stay loaded; 0 = half of the machine's", min = 0) int memory,
        @Help("whether jobs may fetch models from the hub") boolean pull,
        @Help("where to compute: auto, cpu, cuda or cuda:n") String device,
        @Help(value = "threads of one operation, 0 = as they are", min = 0) int threads) {
    public static final ServerConfig DEFAULT = new ServerConfig("127.0.0.1", 7860, "", "runs", "palitra-jobs", 8, 64, 32, List.of(), "",
        16, 0, true, "auto", 0);

    public ServerConfig {
        models = List.copyOf(models);
        if (!isLocal(host) && token.isEmpty()) {
            throw new ConfigException("token", "to listen on " + host + ", which others reach, a token is needed, of 16 to 200 visible "
                + "ASCII characters");
        }
        if (!token.isEmpty() && !token.matches("[!-~]{16,200}")) {
            throw new ConfigException("token", "illegal token: must be 16 to 200 visible ASCII characters without spaces");
        }
    }

    /** Whether only this machine reaches it. */
    static boolean isLocal(String host) { return host.equals("localhost") || host.equals("::1") || host.matches("127(\\.\\d{1,3}){3}"); }
}
