package io.palitra.app;

import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/** The commands as the help lists them: by what a person wants, each in a few words. */
final class CommandGroups {
    private record Command(String name, String about) {}

    private record Group(String title, List<Command> commands) {}

    private static final List<Group> ALL = List.of(
        new Group("Draw", List.of(
            new Command("draw", "a picture from a sentence, by a model that is here"),
            new Command("sample", "samples of a run"),
            new Command("paint", "pictures from words by Stable Diffusion and its kin"),
            new Command("dream", "a picture, and a film, from words by VQGAN and CLIP"),
            new Command("vary", "variations of a picture, ways between two, changes"),
            new Command("complete", "draw the rest of a picture, of a text, of a score"),
            new Command("write", "write a text on from its beginning"),
            new Command("interpolate", "from one sample to another, as strips and as a GIF"),
            new Command("map", "the latent space in two dimensions"),
            new Command("project", "the styles by which a run draws a given picture"),
            new Command("mix", "some layers of one picture's styles in another's"),
            new Command("directions", "along which a run's pictures change"))),
        new Group("Serve", List.of(
            new Command("studio", "a page to draw, edit, train and compare on"),
            new Command("serve", "the same over HTTP, for other programs"))),
        new Group("Train", List.of(
            new Command("train", "a family on a data set, into a run folder"),
            new Command("resume", "go on with a run, as if it had never been stopped"))),
        new Group("Measure", List.of(
            new Command("evaluate", "the numbers of runs on the test split"),
            new Command("compare", "runs side by side on one page"),
            new Command("reconstruct", "items, and what a run with an encoder makes of them"),
            new Command("anomalies", "score pictures and tables by how strange they are"),
            new Command("balance", "fill up small classes with samples, and measure that"))),
        new Group("Pictures and words", List.of(
            new Command("caption", "a picture's text, or the answer to a question"),
            new Command("classify", "which of some words fits a picture"),
            new Command("search", "the pictures of a folder that fit a text"))),
        new Group("Models and data", List.of(
            new Command("families", "what can be trained, and every key"),
            new Command("models", "the models that come with the program"),
            new Command("data", "the data sets, and how to get them"),
            new Command("pull", "download a model of the Hugging Face hub"),
            new Command("import", "a diffusers folder from a checkpoint in one file"),
            new Command("export", "a run as a folder for Python's diffusers"),
            new Command("pack", "a run as it is given away"),
            new Command("inspect", "what a picture, a file or a run holds"))),
        new Group("The program", List.of(
            new Command("doctor", "what this machine offers, and a self-test"),
            new Command("help", "the help of a command"),
            new Command("generate-completion", "for the shell"))));

    private CommandGroups() {}

    /** All titles and what the commands are for. */
    static List<String> texts() {
        return ALL.stream().flatMap(g -> Stream.concat(Stream.of(g.title), g.commands.stream().map(Command::about))).toList();
    }

    /** Those of the commands that are there. */
    static String listed(Set<String> there) {
        StringBuilder text = new StringBuilder();
        for (Group group : ALL) {
            text.append(String.format("%n  %s%n", Language.say(group.title)));
            for (Command c : group.commands) {
                if (there.contains(c.name)) text.append(String.format("    %-20s %s%n", c.name, Language.say(c.about)));
            }
        }
        return text.toString();
    }
}
