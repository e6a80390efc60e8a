package io.palitra.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.palitra.data.Picture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Base64;
import java.util.List;

/** What the jobs of a request made, as it was asked for; which model made it, and what was asked for and decided nothing, is said. */
final class OpenAiAnswer {
    private final OpenAiAsked asked;
    private final OpenAiModels.Served model;
    private final String server;
    private final OpenAiLook look;
    private final boolean url;
    private final boolean base64;

    /**
     * @param server scheme, host and port that the caller reached it by
     * @throws Refused for a format that is not written
     */
    OpenAiAnswer(OpenAiAsked asked, OpenAiModels.Served model, String server) {
        this.asked = asked;
        this.model = model;
        this.server = server;
        String format = asked.oneOf("output_format", "png", "jpeg", "webp"), response = asked.oneOf("response_format", "url", "b64_json");
        look = new OpenAiLook(asked.size(), format.isEmpty() ? "png" : format, (int) asked.whole("output_compression", 100, 0, 100));
        if (look.format().equals("png")) asked.ignore("output_compression");
        // clients differ in what they read where they do not say: they get both
        url = !response.equals("b64_json");
        base64 = !response.equals("url");
    }

    /** @throws Refused with what a job failed by */
    static void check(Job job) {
        Fault fault = job.error();
        if (fault != null) throw new Refused(fault.http(), fault.code(), fault.field(), fault.message());
        if (job.status() != Job.Status.DONE) throw new Refused(422, "cancelled", "", "the job was cancelled");
    }

    /** @param jobs that have ended well, of that seed and those behind it */
    ObjectNode whole(List<Job> jobs, long seed) throws IOException {
        ObjectNode node = Job.JSON.createObjectNode().put("created", Instant.now().getEpochSecond());
        ArrayNode data = node.putArray("data"), ids = Job.JSON.createArrayNode();
        Picture last = null;
        for (Job job : jobs) {
            byte[] png = Files.readAllBytes(file(job));
            OpenAiLook.Made made = look.of(png);
            last = made.wanted();
            ObjectNode one = data.addObject();
            if (base64) one.put("b64_json", Base64.getEncoder().encodeToString(made.bytes()));
            if (url) one.put("url", server + (made.bytes() == png ? "/v1/jobs/" + job.id + "/files/" : "/v1/images/" + job.id + "/"
                + look + "/") + job.files.get(0));
            one.put("seed", seed + ids.size());
            ids.add(job.id);
        }
        if (last != null) looks(node, last);
        about(node, jobs).set("jobs", ids);
        return node;
    }

    /** The last event of one picture. @param type of the event */
    ObjectNode completed(String type, Job job, long seed) throws IOException {
        ObjectNode node = event(type, look.of(Files.readAllBytes(file(job))));
        about(node, List.of(job)).putArray("jobs").add(job.id);
        return node.put("seed", seed);
    }

    /** What there is of a picture so far. */
    ObjectNode partial(String type, byte[] png, int index) {
        return event(type, look.of(png)).put("partial_image_index", index);
    }

    private ObjectNode event(String type, OpenAiLook.Made made) {
        ObjectNode node = Job.JSON.createObjectNode().put("type", type).put("created_at", Instant.now().getEpochSecond())
            .put("b64_json", Base64.getEncoder().encodeToString(made.bytes()));
        looks(node, made.wanted());
        return node;
    }

    private void looks(ObjectNode node, Picture picture) {
        node.put("background", "opaque").put("output_format", look.format()).put("size", picture.width() + "x" + picture.height());
    }

    /** @return {@code palitra} */
    private ObjectNode about(ObjectNode node, List<Job> jobs) {
        node.put("model", model.name());
        if (!asked.ignored().isEmpty()) asked.ignored().forEach(node.putArray("ignored")::add);
        ObjectNode own = node.putObject("palitra").put("kind", model.kind());
        if (!asked.model().isEmpty() && !asked.model().equals(model.name())) own.put("asked_model", asked.model());
        if (model.width() > 0) own.put("drawn_size", model.width() + "x" + model.height());
        List<String> notes = jobs.stream().flatMap(job -> job.notes().stream()).distinct().toList();
        if (!notes.isEmpty()) notes.forEach(own.putArray("notes")::add);
        return own;
    }

    private static Path file(Job job) {
        if (job.files.isEmpty() || !job.files.get(0).endsWith(".png")) {
            throw new Refused(500, "failed", "", "the job made no picture");
        }
        return job.folder.resolve(job.files.get(0));
    }
}
