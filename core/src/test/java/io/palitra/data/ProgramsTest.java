package io.palitra.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.config.ArgumentException;
import io.palitra.config.Config;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class ProgramsTest {
    private static List<Long> printed(String text) { return ProgramRun.of(Program.read(text)).printed(); }

    private static void fault(String text, ProgramFault.Kind kind, int line, String message) {
        assertThatThrownBy(() -> printed(text)).as(text).isInstanceOfSatisfying(ProgramFault.class, f -> {
            assertThat(f.kind()).isEqualTo(kind);
            assertThat(f.line()).isEqualTo(line);
        }).hasMessageStartingWith("line " + line + ": ").hasMessageContaining(message).message().hasLineCount(1);
    }

    @Test void everyItemIsInTheGrammarRunsAndPrintsWhatItsCommentSays() {
        for (Split split : Split.values()) {
            Programs set = new Programs(split, 0);
            for (int i = 0; i < 3000; i++) {
                String text = set.text(i * (set.size() / 3000));
                Program program = Program.read(text);
                assertThat(text.length()).isLessThanOrEqualTo(160);
                assertThat(text.lines().count()).isGreaterThan(4);
                assertThat(program.said()).as(text).hasSize(1);
                assertThat(ProgramRun.of(program).printed()).as(text).isEqualTo(program.said().get(0)).isNotEmpty()
                    .allMatch(v -> v >= 0 && v <= 30);
            }
        }
    }

    @Test void anItemIsAFunctionOfItsPartAndItsPlace() {
        Programs train = new Programs(Split.TRAIN, 0), longer = new Programs(Split.TRAIN, 200), test = new Programs(Split.TEST, 0);
        assertThat(train.text(7)).isEqualTo(new Programs(Split.TRAIN, 0).text(7)).isEqualTo(longer.text(7)).isNotEqualTo(test.text(7));
        // an item of one version is an item of all
        assertThat(train.text(0)).isEqualTo(FIRST);
        ByteBuffer into = ByteBuffer.allocate(2 * train.spec().bytes());
        train.read(0, into);
        train.read(1, into);
        int[] ids = new int[320];
        into.flip().asIntBuffer().get(ids);
        assertThat(train.spec().alphabet().decode(ids)).isEqualTo(train.text(0) + train.text(1));
        assertThat(ids[159]).isEqualTo(train.spec().end());
        assertThatThrownBy(() -> train.text(1_000_000)).isInstanceOf(IndexOutOfBoundsException.class);
    }

    private static final String FIRST =
        "z = 2\n"
        + "if z < 0:\n"
        + "  print(z + z)\n"
        + "if z >= 9:\n"
        + "  z = z - z\n"
        + "print(z * 3)\n"
        + "# prints 6\n";

    @Test void noProgramIsInBothPartsAndFewComeTwice() {
        Programs train = new Programs(Split.TRAIN, 0), test = new Programs(Split.TEST, 0);
        Set<String> seen = new HashSet<>(), tested = new HashSet<>();
        for (int i = 0; i < 2000; i++) tested.add(test.text(i));
        int n = 50_000, again = 0;
        for (int i = 0; i < n; i++) if (!seen.add(train.text(i))) again++;
        assertThat(seen).doesNotContainAnyElementsOf(tested);
        // n^2 / 2 pairs, of which 1 in 50 million would be equal if there were so many programs, all as likely
        assertThat(again).as("of " + n + " that came before").isLessThan((int) ((double) n * n / 2 / 50e6) + 1);
    }

    @Test void everyKindOfStatementComes() {
        Programs train = new Programs(Split.TRAIN, 0);
        StringBuilder all = new StringBuilder();
        for (int i = 0; i < 300; i++) all.append(train.text(i));
        assertThat(all.toString()).contains("def ", "return ", "if ", "else:", "while ", "for ", "range(", " // 2", " % ", " * ", " - ");
        assertThat(all.chars().allMatch(c -> ProgramGrammar.LETTERS.indexOf(c) >= 0)).isTrue();
    }

    @Test void programsRunAsInPython() {
        assertThat(printed("print(-7 // 2)\nprint(-7 % 3)\nprint(7 - 2 - 1)\nprint(2 + 3 * (4 - 1))\nprint(--5)")).containsExactly(-4L, 2L,
            4L, 11L, 5L);
        assertThat(printed("a = 1\nfor i in range(3):\n  a = a * 2\n  print(a + i)\nprint(i)\n")).containsExactly(2L, 5L, 10L, 2L);
        assertThat(printed("n = 10\nwhile n > 1:\n  n = n // 2\nif n == 1:\n  print(n)\nelse:\n  print(0)\n")).containsExactly(1L);
        assertThat(printed("def f(n):\n  if n < 2:\n    return 1\n  return n * f(n - 1)\nprint(f(10))\n")).containsExactly(3628800L);
        // a name that a function gives a value is its own
        assertThat(printed("a = 1\ndef f():\n  a = 5\n  return a\nprint(f())\nprint(a)\n")).containsExactly(5L, 1L);
        assertThat(printed("a = 1\ndef f():\n  return a\na = 2\nprint(f())\n\n  # a remark\n")).containsExactly(2L);
        assertThat(printed("def f(x):\n  print(x)\nf(3)")).containsExactly(3L);
        // as many turns as at the beginning
        assertThat(printed("n = 2\nfor i in range(n):\n  n = 9\n  i = 7\nprint(i)")).containsExactly(7L);
    }

    @Test void whatIsNoProgramIsToldByItsLine() {
        ProgramFault.Kind g = ProgramFault.Kind.GRAMMAR;
        fault("", g, 1, "there is no statement");
        fault("a = 1\n  b = 2", g, 2, "indented without a reason");
        fault(" a = 1", g, 1, "indented without a reason");
        fault("if 1 < 2:\na = 1", g, 1, "wants an indented block");
        fault("if 1 < 2:\n    a = 1\n  b = 1", g, 3, "indented without a reason");
        fault("else:\n  a = 1", g, 1, "'else' is no name");
        fault("a = (1 + 2", g, 1, "wants ')'");
        fault("a = 1 +", g, 1, "is not complete");
        fault("a = 1 2", g, 1, "goes on with '2'");
        fault("return 3", g, 1, "outside of a function");
        fault("if 1 < 2:\n  def f():\n    return 1", g, 2, "a function stands in a block");
        fault("def f(a, a):\n  return a", g, 1, "two parameters");
        fault("a = 007", g, 1, "no number");
        fault("a = 3b", g, 1, "runs into a name");
        fault("for i in 3:\n  print(i)", g, 1, "for wants NAME in range");
        fault("if a:\n  print(1)", g, 1, "wants a comparison");
        fault("A = 1", g, 1, "wants a name, got 'A = 1'");
        fault("\ta = 1", g, 1, "wants a name");
        fault("print(" + "(".repeat(500) + "1" + ")".repeat(400) + ")", g, 1, "");
        fault("a = " + "-".repeat(500) + "1", g, 1, "more than 20 signs");
        fault("a = 1" + "+1".repeat(1000), g, 1, "is longer than 1000 characters");
        StringBuilder deep = new StringBuilder();
        for (int i = 0; i < 30; i++) deep.append(" ".repeat(i)).append("if 1 < 2:\n");
        fault(deep + " ".repeat(30) + "a = 1", g, 21, "more than 20 blocks");
    }

    @Test void whatComesToNothingIsToldByItsLine() {
        ProgramFault.Kind r = ProgramFault.Kind.RUN;
        fault("a = 1\nprint(b)", r, 2, "b has no value");
        fault("print(1 // 0)", r, 1, "a division by 0");
        fault("print(1 % 0)", r, 1, "a division by 0");
        fault("print(f(1))\ndef f(x):\n  return x", r, 1, "f has no value");
        fault("def f(x):\n  return x\nprint(f(1, 2))", r, 3, "f takes 1 number, got 2");
        fault("def f(x):\n  x = 2\nprint(f(1))", r, 3, "f returns nothing");
        fault("a = 1\ndef f():\n  b = a\n  a = 2\n  return b\nprint(f())", r, 3, "a has no value");
        fault("def f():\n  return f()\nprint(f())", r, 2, "more than 50 calls");
        fault("def f():\n  return 1\nprint(f)", r, 3, "f is a function");
        fault("f = 1\nprint(f(1))", r, 2, "f is a number");
        fault("a = 10\nwhile a > 1:\n  a = a * a * a * a", r, 3, "a number beyond");
        fault("a = 1\nwhile a > 0:\n  a = a + 1", ProgramFault.Kind.STEPS, 2, "it has not ended after 10000 steps");
        fault("for i in range(100000000000):\n  print(i)", ProgramFault.Kind.STEPS, 2, "it has not ended");
    }

    @Test void aCommentThatSaysNothingPlainIsNone() {
        assertThat(Program.read("print(3)\n# prints 3\n").said()).containsExactly(List.of(3L));
        assertThat(Program.read("print(3)\n# prints 3 -4 0").said()).containsExactly(List.of(3L, -4L, 0L));
        for (String none : List.of("", "# prints", "# prints ", "# prints 3 ", "# prints  3", "# prints 03", "# prints x", "# prints -0",
            "# prints 3\n# prints 3", "# prints 3\n# prints x", "# Prints 3")) {
            assertThat(Program.read("print(3)\n" + none).said()).as(none).isEmpty();
        }
    }

    /** Whatever a model writes, there is a result or a fault of ours, and soon. */
    @Test void anyTextIsAProgramOrAFault() {
        Programs train = new Programs(Split.TRAIN, 0);
        SplittableRandom random = new SplittableRandom(3);
        int ran = 0, refused = 0;
        for (int i = 0; i < 20_000; i++) {
            StringBuilder text = new StringBuilder(train.text(i % 200));
            for (int k = random.nextInt(1, 6); k > 0; k--) {
                int at = random.nextInt(text.length());
                char c = ProgramGrammar.LETTERS.charAt(random.nextInt(ProgramGrammar.LETTERS.length()));
                switch (random.nextInt(3)) {
                    case 0 -> text.setCharAt(at, c);
                    case 1 -> text.insert(at, c);
                    default -> text.delete(at, Math.min(text.length() - 1, at + random.nextInt(8)));
                }
            }
            try {
                ProgramRun.of(Program.read(text.toString()));
                ran++;
            } catch (ProgramFault e) {
                refused++;
                assertThat(e.getMessage()).hasLineCount(1);
            }
        }
        assertThat(ran).isPositive();
        assertThat(refused).isPositive();
    }

    @Test void optionsThatProgramsDoNotHaveAreRefused() {
        for (String option : List.of("size=8", "tokens=bytes", "suffix=.java", "vocabulary=300", "length=100", "captions=true")) {
            assertThatThrownBy(() -> Datasets.open("programs", Split.TEST, Config.with(DataOptions.DEFAULT, option))).as(option)
                .isInstanceOf(ArgumentException.class);
        }
        assertThat(Datasets.open("programs", Split.TEST, Config.with(DataOptions.DEFAULT, "length=256")).spec().shape())
            .containsExactly(256);
    }
}
