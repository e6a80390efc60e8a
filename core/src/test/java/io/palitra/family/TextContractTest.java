package io.palitra.family;

import java.util.ArrayList;
import java.util.List;

/** The laws of all families for those of texts, on words of a few letters. */
class TextContractTest extends FamilyContract {
    @Override protected List<Case> cases() {
        SmallTexts texts = new SmallTexts(12);
        List<Case> cases = new ArrayList<>();
        for (String family : List.of("lstm", "gpt", "mdlm")) cases.add(Case.of(Families.named(family), texts));
        cases.add(new Case(Families.named("gpt"), texts.spec(), List.of("width=16", "layers=2", "heads=4", "dropout=0"), texts));
        cases.add(new Case(Families.named("mdlm"), texts.spec(), List.of("width=16", "layers=2", "heads=4", "noise=cosine"), texts));
        cases.add(new Case(Families.named("lstm"), texts.spec(), List.of("table=4", "width=8", "layers=1", "dropout=0"), texts));
        return cases;
    }
}
