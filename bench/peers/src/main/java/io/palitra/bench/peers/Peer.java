package io.palitra.bench.peers;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Another side of io.palitra.bench.Worker: answers each line of stdin by one of stdout. Arguments: the folder of the files that all sides
 * read, threads (of OMP_NUM_THREADS, too), djl or dl4j.
 */
public final class Peer {
    /** Training steps of the autoencoder on one batch. */
    interface Steps {
        /** Mean square error before the step. */
        double step();
    }

    /** Both libraries add it before Adam's correction of the bias, PyTorch after: in the first step this is its 1e-8. */
    static final double EPSILON = 1e-8 * Math.sqrt(1 - 0.999);
    /** Steps that are compared. */
    private static final int CHECKED = 2;

    private Peer() {}

    public static void main(String[] args) throws IOException {
        PrintStream answers = System.out;
        System.setOut(System.err);   // what the libraries say
        Map<String, Steps> open = new HashMap<>();
        BufferedReader asked = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = asked.readLine(); line != null; line = asked.readLine()) {
            String answer;
            try {
                answer = answer(line.split(" "), args, open);
            } catch (RuntimeException | IOException | LinkageError e) {
                answer = "error " + e.toString().lines().findFirst().orElse("");
            }
            answers.println(answer);
            answers.flush();
        }
        System.exit(0);   // their threads would keep the process
    }

    private static String answer(String[] words, String[] args, Map<String, Steps> open) throws IOException {
        switch (words[0]) {
            case "open" -> {
                if (!words[1].equals("ae-train")) throw new IllegalArgumentException("only ae-train is written for " + args[2]);
                Given given = new Given(Path.of(args[0], words[1] + ".safetensors"));
                Steps steps = args[2].equals("djl") ? new Djl(given, Integer.parseInt(args[1])) : new Dl4j(given);
                open.put(words[1], steps);
                StringBuilder losses = new StringBuilder();
                for (int i = 0; i < CHECKED; i++) losses.append(i == 0 ? "" : " ").append(steps.step());
                return losses.toString();
            }
            case "run" -> {
                Steps steps = open.get(words[1]);
                long start = System.nanoTime();
                for (int i = Integer.parseInt(words[2]); i > 0; i--) steps.step();
                return Double.toString((System.nanoTime() - start) * 1e-9);
            }
            case "peak" -> {
                try (var lines = Files.lines(Path.of("/proc/self/status"))) {
                    return lines.filter(l -> l.startsWith("VmHWM")).findFirst().orElseThrow().replaceAll("\\D+", "");
                }
            }
            case "about" -> { return args[2].equals("djl") ? Djl.about() : Dl4j.about(); }
            default -> throw new IllegalArgumentException("no command '" + words[0] + "'; there are open, run, peak, about");
        }
    }
}
