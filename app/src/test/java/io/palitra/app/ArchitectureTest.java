package io.palitra.app;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.List;

/** Commands parse, run a request of room job, and print. */
@AnalyzeClasses(packages = "io.palitra.app", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    /** Rooms that a command reaches through job alone. */
    private static final List<String> INSIDE = List.of("engine", "nn", "net", "diffusion", "model", "family", "stage", "paint", "edit",
        "train", "measure", "metric");
    /** Of those what requests are followed by, what they measure, and of what values some are made. */
    private static final List<String> OPEN = List.of("io.palitra.model.Watcher", "io.palitra.model.Measure",
        "io.palitra.model.IncludedModels",
        "io.palitra.paint.PaintRequest", "io.palitra.edit.DreamRequest");

    @ArchTest static final ArchRule modelsAreReachedThroughJobAlone = noClasses().should().dependOnClassesThat(
        DescribedPredicate.describe("lie in rooms that job stands before", ArchitectureTest::inside));

    private static boolean inside(JavaClass c) {
        String outer = c.getName().replaceFirst("\\$.*", "");
        return INSIDE.stream().anyMatch(room -> c.getPackageName().matches("io\\.palitra\\." + room + "(\\..*)?")) && !OPEN.contains(outer);
    }
}
