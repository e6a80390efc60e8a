package io.palitra.server;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.javalin.config.RoutesConfig;
import io.javalin.http.Context;
import io.palitra.data.CatalogueEntry;
import io.palitra.data.DataLoader;
import io.palitra.data.Dataset;
import io.palitra.data.Datasets;
import io.palitra.data.FormatException;
import io.palitra.data.Split;
import io.palitra.engine.Device;
import io.palitra.engine.Scope;
import io.palitra.job.Program;
import io.palitra.report.Display;
import io.palitra.report.Sheet;
import java.util.List;
import java.util.Map;

/** Data sets to look at: which there are, their classes, items and what is broken of them. */
final class DataRoutes implements Routes {
    private static final int MOST = 1000, USUAL = 64;

    private final DataSets sets;

    DataRoutes(DataSets sets) { this.sets = sets; }

    @Override public void add(RoutesConfig to) {
        to.get("/v1/data", this::list);
        to.get("/v1/data/{name}", this::set);
        to.get("/v1/data/{name}/items/{item}", this::item);
    }

    private void list(Context ctx) {
        ArrayNode all = Job.JSON.createArrayNode();
        for (CatalogueEntry e : sets.catalogue()) {
            ObjectNode node = all.addObject().put("name", e.name()).put("about", e.about()).put("here", Datasets.here(e))
                .put("size", e.train());
            if (!e.classNames().isEmpty()) e.classNames().forEach(node.withArray("classes")::add);
        }
        sets.folders().forEach(name -> all.addObject().put("name", name).put("about", "of the folder of data").put("here", true));
        Reply.json(ctx, Job.JSON.createObjectNode().set("data", Answers.said(all, Language.words(ctx))));
    }

    private DataSets.Opened opened(Context ctx) {
        String split = ctx.queryParam("split");
        if (split != null && !split.equals("train") && !split.equals("test")) {
            throw new Refused(422, "bad_request", "split", "split must be train or test");
        }
        String name = ctx.pathParam("name");
        try {
            return sets.open(name, "test".equals(split) ? Split.TEST : Split.TRAIN);
        } catch (IllegalArgumentException | FormatException e) {
            // a set that is not here names the folders that were looked in, which are nobody's business
            String why = sets.named(name) ? "the data set is not here" : "the data set cannot be read: " + Answers.withoutPlaces(
                Program.message(e));
            throw new Refused(409, "unreadable", "name", why);
        }
    }

    private void set(Context ctx) {
        int from = Reply.number(ctx, "from", 0, 0, Integer.MAX_VALUE / 2), count = Reply.number(ctx, "count", USUAL, 0, MOST);
        DataSets.Opened opened = opened(ctx);
        Dataset data = opened.data();
        int label = label(ctx, data);
        ObjectNode node = Job.JSON.createObjectNode().put("name", ctx.pathParam("name"));
        ArrayNode classes = node.putArray("classes");
        for (int c = 0; c < opened.counts().length; c++) {
            classes.addObject().put("name", data.classNames().get(c)).put("count", opened.counts()[c]);
        }
        ArrayNode shape = node.putArray("shape"), items = node.putArray("items"), broken = node.putArray("broken");
        for (long n : data.spec().shape()) shape.add(n);
        int size = 0;
        for (int i = 0; i < opened.labels().length; i++) {
            if (label >= 0 && opened.labels()[i] != label) continue;
            if (size >= from && size - from < count) {
                ObjectNode item = items.addObject().put("index", i).put("label", opened.labels()[i]);
                if (data.captioned()) item.put("text", data.caption(i, 0, 0));
            }
            size++;
        }
        node.put("size", size);
        data.notes().forEach(line -> broken.add(Answers.withoutPlaces(line)));
        Reply.json(ctx, node);
    }

    /** By its number or its name; below 0 = all. */
    private static int label(Context ctx, Dataset data) {
        String text = ctx.queryParam("label");
        if (text == null || text.isEmpty()) return -1;
        int named = data.classNames().indexOf(text);
        if (named >= 0) return named;
        return Reply.number(ctx, "label", -1, 0, Math.max(0, data.classNames().size() - 1));
    }

    private void item(Context ctx) {
        String name = ctx.pathParam("item");
        int index = name.matches("\\d{1,9}\\.png") ? Integer.parseInt(name.substring(0, name.length() - 4)) : -1;
        Dataset data = opened(ctx).data();
        if (index < 0 || index >= data.size()) throw new Refused(404, "no_such_item", "item", "there is no item of that number");
        ctx.header("Cache-Control", "private, max-age=3600").contentType("image/png").result(png(data, index));
    }

    private static byte[] png(Dataset data, int index) {
        try (Scope scope = new Scope()) {
            List<Sheet> shown = Display.of(data.spec()).each(data.spec(), DataLoader.of(data, new int[] {index}, Device.CPU).x());
            if (shown.isEmpty() || !shown.get(0).mediaType().equals("image/png")) {
                throw new Refused(404, "no_picture", "item", "an item of this set shows nothing by itself");
            }
            return shown.get(0).bytes(Map.of());
        }
    }
}
