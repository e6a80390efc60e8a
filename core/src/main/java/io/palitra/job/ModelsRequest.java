package io.palitra.job;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import io.palitra.config.Help;
import io.palitra.config.InWords;
import io.palitra.model.IncludedModels;
import io.palitra.model.Watcher;
import java.util.List;

/** The models that come with the program. */
public record ModelsRequest(@Help("one of them, empty = all") String model) implements Request<ModelsRequest.Result> {
    /** @param models their cards, in the order of their names */
    public record Result(List<IncludedModels.Card> models) {
        /** As {@code --json} prints it. */
        public ArrayNode toJson() {
            ArrayNode list = new ObjectMapper().createArrayNode();
            models.forEach(card -> list.add(Config.toJson(card)));
            return list;
        }
    }

    /** All of them. */
    public ModelsRequest() { this(""); }

    /** @throws IllegalArgumentException for a model that is not among them */
    @Override public Result run(Watcher watcher) {
        Config.check(this);
        List<IncludedModels.Card> all = IncludedModels.cards();
        if (model.isEmpty()) return new Result(all);
        List<String> names = all.stream().map(IncludedModels.Card::name).toList();
        return new Result(List.of(all.stream().filter(c -> c.name().equals(model)).findFirst().orElseThrow(() -> new ArgumentException(
            "no model '" + model + "' comes with the program; there are " + InWords.list(names) + InWords.didYouMean(model, names)))));
    }
}
