package io.palitra.thirdkind;

import io.palitra.data.DataOptions;
import io.palitra.data.Split;
import io.palitra.family.FamilyContract;
import java.util.List;

/** The laws of every family hold for one of a jar beside the program: this is all that it takes to say so. */
class LettersContractTest extends FamilyContract {
    @Override protected List<Case> cases() {
        Letters letters = new Letters();
        return List.of(Case.of(letters.families().get(0), letters.open("words", Split.TRAIN, DataOptions.DEFAULT)));
    }
}
