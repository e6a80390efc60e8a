package io.palitra.app;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.job.DoctorRequest;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

@Command(name = "doctor", mixinStandardHelpOptions = true, usageHelpAutoWidth = true,
    description = "What this machine offers, and a self-test: versions, processor, BLAS, devices, memory.")
final class DoctorCommand implements Callable<Integer> {
    @Option(names = "--json", description = "as JSON")
    private boolean json;

    @Override public Integer call() throws IOException {
        DoctorRequest.Result result = new DoctorRequest().run(new Terminal("doctor", false));
        Map<String, String> findings = new LinkedHashMap<>(result.findings());
        findings.putAll(Launcher.findings());
        if (json) {
            ObjectNode node = new ObjectMapper().createObjectNode();
            findings.forEach(node::put);
            Common.json(node);
        } else {
            findings.forEach((what, finding) -> Common.OUT.printf("%-12s %s%n", what, Language.say(Terminal.plain(finding))));
        }
        return result.sound() ? 0 : 1;
    }
}
