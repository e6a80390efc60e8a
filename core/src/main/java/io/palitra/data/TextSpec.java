package io.palitra.data;

import io.palitra.config.ArgumentException;
import io.palitra.config.Help;
import io.palitra.engine.DType;
import io.palitra.engine.Tensor;

/** Texts as rows of tokens [L]: stored as I32, seen by models as I64. A text that is shorter is filled up by end tokens. */
public record TextSpec(
        @Help("tokens of an item, L") int length,
        @Help("how texts become tokens") Alphabet alphabet) implements TextItems {
    /** Most tokens of an item: attention over 64 Ki places takes what no machine of ours has. */
    static final int MOST = 1 << 16;

    public TextSpec {
        if (length < 1 || length > MOST) throw new ArgumentException("illegal length: " + length + ", must be between 1 and " + MOST);
    }

    @Override public long[] shape() { return new long[] {length}; }

    @Override public int classes() { return 0; }

    @Override public TextSpec withClasses(int classes) {
        if (classes != 0) throw new ArgumentException("illegal classes: " + classes + ", texts have none");
        return this;
    }

    @Override public DType stored() { return DType.I32; }

    @Override public Tensor toModel(Tensor stored) { return stored.to(DType.I64); }

    @Override public String unit() { return "tokens"; }

    /** "texts of 256 characters, 65 kinds and the end". */
    @Override public String toString() {
        return "texts of " + length + " " + alphabet.tokens() + ", " + (vocabulary() - 1) + " kinds and the end";
    }
}
