package io.palitra.app;

import io.palitra.config.Ordered;
import java.util.List;
import java.util.Map;

/** Lines that a person can copy, for the help of each command; {@code ExamplesTest} parses them all. */
final class Examples {
    private static final Map<String, List<String>> OF = Ordered.map(
        Map.entry("train", List.of("palitra train vae", "palitra train diffusion mnist --set condition=label --out runs/digits",
            "palitra train gan my-photos/ --set data.size=32 --out runs/photos", "palitra train realnvp table.csv --set data.label=kind")),
        Map.entry("resume", List.of("palitra resume runs/digits", "palitra resume runs/digits --epochs 20")),
        Map.entry("sample", List.of("palitra sample runs/digits -n 16 --seed 3 --out digits.png",
            "palitra sample runs/digits --class 7 --each --out sevens/", "palitra sample runs/dalle --prompt \"a red circle\" -n 8")),
        Map.entry("draw", List.of("palitra draw \"a red circle above a blue square in the snow\"",
            "palitra draw \"красный круг над синим квадратом\" --seed 3 --out circle.png")),
        Map.entry("studio", List.of("palitra studio", "palitra studio --runs my-runs --models my-model.safetensors")),
        Map.entry("serve", List.of("palitra serve --port 8080", "palitra serve --listen 0.0.0.0 --token 0123456789abcdef")),
        Map.entry("evaluate", List.of("palitra evaluate runs/digits", "palitra evaluate runs/vae runs/gan -n 1000")),
        Map.entry("reconstruct", List.of("palitra reconstruct runs/vae", "palitra reconstruct runs/vae my-photos/ -n 8 --out seen.png")),
        Map.entry("caption", List.of("palitra caption runs/flamingo scene.png",
            "palitra caption runs/flamingo scene.png --shots examples/ --ask \"how many circles?\"")),
        Map.entry("vary", List.of("palitra vary runs/unclip scene.png -n 4", "palitra vary runs/unclip one.png other.png --keep",
            "palitra vary runs/unclip scene.png --from \"a red circle\" --to \"a blue circle\" --amount 0.5")),
        Map.entry("complete", List.of("palitra complete runs/pixels --keep 10",
            "palitra complete runs/pixels --image photo.png --keep 14", "palitra complete runs/mdlm --text page.txt --hole 10:40")),
        Map.entry("write", List.of("palitra write runs/gpt \"To be\" --stream",
            "palitra write runs/gpt \"ROMEO:\" -n 3 --set temperature=0.8")),
        Map.entry("anomalies", List.of("palitra anomalies runs/flow new.csv", "palitra anomalies runs/pixels parts/ --out strange")),
        Map.entry("balance", List.of("palitra balance runs/cgan photos/ --out drawn")),
        Map.entry("interpolate", List.of("palitra interpolate runs/vae", "palitra interpolate runs/gan --seed 4 --out walk.png")),
        Map.entry("map", List.of("palitra map runs/vae")),
        Map.entry("project", List.of("palitra project runs/faces me.png --out me/",
            "palitra project runs/digits seven.png --space w --noise --steps 500")),
        Map.entry("mix", List.of("palitra mix runs/digits --rows 4 --columns 6 --layers 0-3 --out mixed.png")),
        Map.entry("directions",
        List.of("palitra directions runs/digits", "palitra directions runs/digits --labels --out digits-directions/")),
        Map.entry("paint", List.of("palitra paint \"a castle in the snow\" --model org/name --out castle.png",
            "palitra paint \"a red hat\" --model org/name --image me.png --mask hat.png --out hat-red.png")),
        Map.entry("dream", List.of("palitra dream \"a large red circle\" --vqgan runs/vqgan --clip runs/clip --size 128x128")),
        Map.entry("classify", List.of("palitra classify photo.png --labels \"cat, dog\" --clip org/name")),
        Map.entry("search", List.of("palitra search photos/ \"a dog in the snow\" --clip org/name")),
        Map.entry("compare", List.of("palitra compare runs/vae runs/gan -n 1000")),
        Map.entry("families", List.of("palitra families", "palitra families diffusion")),
        Map.entry("data", List.of("palitra data", "palitra data get mnist")),
        Map.entry("models", List.of("palitra models")),
        Map.entry("pack", List.of("palitra pack runs/vqgan small-vqgan", "palitra pack runs/dalle small-dalle --upon stage=small-vqgan")),
        Map.entry("pull", List.of("palitra pull org/name")),
        Map.entry("import", List.of("palitra import model.safetensors folder", "palitra import biggan-deep-128/ runs/biggan")),
        Map.entry("export", List.of("palitra export runs/digits folder")),
        Map.entry("inspect", List.of("palitra inspect digits.png", "palitra inspect runs/digits")),
        Map.entry("doctor", List.of("palitra doctor")),
        Map.entry("generate-completion", List.of("palitra generate-completion > palitra.bash")),
        Map.entry("help", List.of("palitra help train")));

    private Examples() {}

    /** Empty for a command that has none. */
    static List<String> of(String command) { return OF.getOrDefault(command, List.of()); }

    /** Every command that has some. */
    static List<String> commands() { return List.copyOf(OF.keySet()); }
}
