package io.palitra.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.palitra.data.FormatException;
import io.palitra.engine.Scope;
import io.palitra.parity.References;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StyleGanFileTest {
    private static final String OBJECT = "ctorch_utils.persistence\n_reconstruct_persistent_obj\n", END = "s.";

    @TempDir Path folder;

    /** As a pickle writes it. */
    private static String text(String s) {
        return "X" + new String(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(s.length()).array(),
            StandardCharsets.ISO_8859_1) + s;
    }

    private static String dict(String... keysAndValues) {
        StringBuilder all = new StringBuilder("}(");
        for (int i = 0; i < keysAndValues.length; i += 2) all.append(text(keysAndValues[i])).append(keysAndValues[i + 1]);
        return all.append("u").toString();
    }

    private static String object(String className, String parameters, String modules) {
        return OBJECT + dict("type", text("class"), "version", "K\6", "module_src", text("import os\nos.system('touch never-made')"),
            "class_name", text(className), "state", dict("_parameters", parameters, "_buffers", "}", "_modules", modules,
                "_init_kwargs", dict("z_dim", "K\4", "channel_base", "K\100"))) + "\205R";
    }

    private static String bytes(byte[] raw) {
        return "B" + new String(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(raw.length).array(),
            StandardCharsets.ISO_8859_1) + new String(raw, StandardCharsets.ISO_8859_1);
    }

    /** Two floats as torch.save had them before its zip form. @param storage the fourth pickle */
    private static byte[] legacy(String storage) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (String part : new String[] {"\200\2\212\12l\374\234F\371 j\250P\31.", "\200\2M\351\3.", "\200\2}.", storage,
            "\200\2]X\1\0\0\0" + "7a."}) {
            out.writeBytes(part.getBytes(StandardCharsets.ISO_8859_1));
        }
        out.writeBytes(ByteBuffer.allocate(16).order(ByteOrder.LITTLE_ENDIAN).putLong(2).putFloat(1.5f).putFloat(-2).array());
        return out.toByteArray();
    }

    private static final String TWO = "\200\2(" + text("storage") + "ctorch\nFloatStorage\n" + text("7") + text("cuda:0") + "K\2NtQ.";

    private static String tensor(byte[] storage) {
        return "ctorch._utils\n_rebuild_tensor_v2\n(ctorch.storage\n_load_from_bytes\n" + bytes(storage) + "\205RK\0K\2\205K\1\205\211"
            + "ccollections\nOrderedDict\n)RtR";
    }

    private Path file(String pickle) throws IOException {
        return Files.write(folder.resolve("a.pkl"), ("\200\3" + pickle).getBytes(StandardCharsets.ISO_8859_1));
    }

    private void refused(String pickle, String why) throws IOException { refused(file(pickle), why); }

    private static void refused(Path file, String why) {
        try (Scope scope = new Scope()) {
            assertThatThrownBy(() -> StyleGanFile.read(file)).isInstanceOf(FormatException.class).hasMessageContaining(why)
                .extracting(e -> e.getMessage().lines().count()).isEqualTo(1L);
        }
    }

    private static String generator(String inner) {
        return "}" + text("G_ema") + object("Generator", "}", dict("mapping", object("MappingNetwork", dict("a", inner), "}"))) + END;
    }

    @Test void ofAnObjectTheClassTheArgumentsAndTheTensorsAreTakenAndItsProgramIsPassedOver() throws IOException {
        try (Scope scope = new Scope()) {
            StyleGanFile.Network net = StyleGanFile.read(file(generator(tensor(legacy(TWO))))).get("G_ema");
            assertThat(net).isNotNull();
            assertThat(net.className()).isEqualTo("Generator");
            assertThat(net.state().keySet()).containsExactly("mapping.a");
            assertThat(net.state().get("mapping.a").floats()).containsExactly(1.5f, -2);
            // as the program of StyleGAN 3 writes those of StyleGAN 2
            assertThat(net.arguments().toString()).isEqualTo("{\"z_dim\":4,\"synthesis_kwargs\":{\"channel_base\":64}}");
            assertThat(Path.of("never-made")).doesNotExist();
        }
    }

    @Test void aFileThatAsksForMoreIsRefusedByTheNameItAsksFor() throws IOException {
        refused("cos\nsystem\n" + text("touch never-made") + "\205R.", "the pickle asks for 'os.system', which NVIDIA's files do not need");
        refused("}" + text("G") + "cbuiltins\neval\n" + text("1") + "\205R" + END, "asks for 'builtins.eval'");
        refused(generator("cnumpy\nload\n" + text("x") + "\205R"), "asks for 'numpy.load'");
        refused(text("os") + text("system") + "\223.", "asks for 'os.system'");
        refused(generator(tensor(legacy("\200\2cposix\nsystem\n" + text("x") + "\205R."))),
            "the bytes of a storage ask for 'posix.system'");
        refused(generator(tensor(legacy("\200\2" + OBJECT + "}\205R."))), "the bytes of a storage ask for 'torch_utils.persistence.");
        assertThat(Path.of("never-made")).doesNotExist();
    }

    @Test void filesOfOtherNetworksAreNamed() throws IOException {
        refused("(cdnnlib.tflib.network\nNetwork\n)\201}bt.", "is of TensorFlow ('dnnlib.tflib.network.Network')");
        refused("(ctfutil\nNetwork\n)\201}bt.", "is of TensorFlow ('tfutil.Network')");
        String input = dict("input", object("SynthesisInput", "}", "}"));
        refused("}" + text("G_ema") + object("Generator", "}", dict("synthesis", object("SynthesisNetwork", "}", input))) + END,
            "is of StyleGAN 3, whose networks are others");
    }

    @Test void whatDoesNotFitTogetherIsRefused() throws IOException {
        refused("].", "holds a list; wanted is a file of stylegan2-ada-pytorch");
        refused("}.", "holds none of G, D and G_ema");
        refused("}" + text("G") + "K\1" + END, "has a whole number as G");
        refused(generator("K\1"), "has a whole number as 'mapping.a' among _parameters");
        refused(generator(tensor(legacy(TWO.replace("K\2", "K\3")))), "a storage should have 3 F32");
        refused(generator(tensor(new byte[] {1, 2, 3})), "a.pkl");
        String outside = "(" + text("storage") + "ctorch\nFloatStorage\n" + text("7") + text("cpu") + "K\2NtQ";
        refused(generator("ctorch._utils\n_rebuild_tensor_v2\n(" + outside + "K\0K\2\205K\1\205\211ccollections\nOrderedDict\n)RtR"),
            "does not hold the values of 'mapping.a'");
        refused(Files.writeString(folder.resolve("b.pkl"), "PK-zip"), "is no pickle: it must begin with byte 0x80");
        String self = "}q\0(" + text("type") + text("class") + text("class_name") + text("Generator") + text("state") + "}q\1("
            + text("_parameters") + "}" + text("_buffers") + "}" + text("_modules") + "}q\2uu";
        refused("}" + text("G") + OBJECT + self + "\205Rq\3h\2" + text("me") + "h\3s0" + END, "objects more than 32 deep");
    }

    @Test void aFileCutAnywhereIsRefused() throws IOException {
        byte[] whole = Files.readAllBytes(References.find("models/stylegan2/network-snapshot-000000.pkl"));
        for (int at = 3; at < whole.length; at += 4999) {
            refused(Files.write(folder.resolve("c.pkl"), Arrays.copyOf(whole, at)), "c.pkl");
        }
    }
}
