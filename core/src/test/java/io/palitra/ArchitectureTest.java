package io.palitra;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.AccessTarget;
import com.tngtech.archunit.core.domain.Dependency;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import com.tngtech.archunit.library.GeneralCodingRules;
import io.palitra.data.DataSpec;
import io.palitra.data.Dataset;

/** The arrows of ARCHITECTURE.md, and what core never does. */
@AnalyzeClasses(packages = "io.palitra", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String[] ORDER = {"job", "edit", "train", "measure", "metric", "report", "family", "stage", "paint", "model",
        "diffusion", "net", "nn", "data", "engine", "config"};

    @ArchTest static final ArchRule packagesHaveNoCycles = slices().matching("io.palitra.(*)..").should().beFreeOfCycles();

    @ArchTest static final ArchRule onlyTheEngineKnowsTheBinding =
        noClasses().that().resideOutsideOfPackage("io.palitra.engine..").should().dependOnClassesThat().resideInAPackage("org.bytedeco..");

    @ArchTest static final ArchRule lowerLayersNeverCallUp = layers();

    /** What two families share stands in {@code stage}, {@code net} or {@code nn}; a model upon a model is asked for by what it can do. */
    @ArchTest static final ArchRule familiesKnowNoFamily = classes().that().resideInAPackage("io.palitra.family..")
        .and().doNotHaveFullyQualifiedName("io.palitra.family.Families").should(new ArchCondition<>("know no other file of the room") {
            @Override public void check(JavaClass family, ConditionEvents events) {
                for (Dependency d : family.getDirectDependenciesFromSelf()) {
                    JavaClass other = d.getTargetClass().getBaseComponentType();
                    if (!other.getPackageName().equals(family.getPackageName()) || file(other).equals(file(family))) continue;
                    events.add(SimpleConditionEvent.violated(family, d.getDescription()));
                }
            }
        });

    private static String file(JavaClass c) { return c.getName().replaceFirst("\\$.*", ""); }
    /** Measurements may know {@code Scenes} and {@code Toy}: they measure what those alone can say. */
    @ArchTest static final ArchRule noRoomAboveAsksForAKindOfItemByClass = noClasses().that()
        .resideInAnyPackage("io.palitra.train..", "io.palitra.edit..", "io.palitra.job..").should().dependOnClassesThat(
            DescribedPredicate.describe("are a kind of item or a set of data", kind -> kind.getPackageName().equals("io.palitra.data")
                && !kind.isInterface() && (kind.isAssignableTo(DataSpec.class) || kind.isAssignableTo(Dataset.class))));

    @ArchTest static final ArchRule filesOfOthersNeedOnlyTheEngine = noClasses().that().resideInAPackage("io.palitra.hub..").should()
        .dependOnClassesThat().resideInAnyPackage("io.palitra.edit..", "io.palitra.train..", "io.palitra.metric..", "io.palitra.report..",
            "io.palitra.family..", "io.palitra.stage..", "io.palitra.paint..", "io.palitra.model..", "io.palitra.diffusion..",
            "io.palitra.net..",
            "io.palitra.nn..");

    @ArchTest static final ArchRule coreIsSilent = GeneralCodingRules.NO_CLASSES_SHOULD_ACCESS_STANDARD_STREAMS;

    @ArchTest static final ArchRule noFurnitureInNames = noClasses().should().haveSimpleNameStartingWith("Abstract")
        .orShould().haveSimpleNameEndingWith("Impl").orShould().haveSimpleNameEndingWith("Manager")
        .orShould().haveSimpleNameEndingWith("Helper").orShould().haveSimpleNameEndingWith("Util")
        .orShould().haveSimpleNameEndingWith("Utils");

    @ArchTest static final ArchRule noJavaSerialisation =
        noClasses().should().dependOnClassesThat().haveFullyQualifiedName("java.io.ObjectInputStream");

    @ArchTest static final ArchRule filesOfOthersLoadNoCode = noClasses().that().resideInAPackage("io.palitra.hub..").should()
        .dependOnClassesThat().resideInAnyPackage("java.lang.reflect..", "javax.script..")
        .orShould().dependOnClassesThat().haveFullyQualifiedName("java.lang.ProcessBuilder")
        .orShould().dependOnClassesThat().haveFullyQualifiedName("java.lang.Runtime")
        .orShould().dependOnClassesThat().areAssignableTo(ClassLoader.class)
        .orShould().callMethod(Class.class, "forName", String.class)
        .orShould().callMethod(Class.class, "forName", String.class, boolean.class, ClassLoader.class);

    @ArchTest static final ArchRule noGlobalRandomness =
        noClasses().should().dependOnClassesThat().haveFullyQualifiedName("java.util.Random")
        .orShould().dependOnClassesThat().haveFullyQualifiedName("java.util.concurrent.ThreadLocalRandom");

    @ArchTest static final ArchRule onlyHttpOpensConnections = noClasses().that()
        .haveNameNotMatching("io\\.palitra\\.data\\.Http(\\$.*)?").should().dependOnClassesThat().resideInAPackage("java.net.http..");

    /** Concurrent maps are left out: they serve as caches, and nothing reads one through. */
    @ArchTest static final ArchRule nothingIsReadInAnOrderThatChanges = noClasses().that()
        .haveNameNotMatching("io\\.palitra\\.config\\.Ordered").should().callCodeUnitWhere(DescribedPredicate.describe(
            "makes a map or a set whose order is not that of its making", call -> unordered(call.getTarget())));

    private static boolean unordered(AccessTarget.CodeUnitCallTarget made) {
        String owner = made.getOwner().getName(), name = made.getName();
        int given = made.getRawParameterTypes().size();
        return switch (owner) {
            case "java.util.HashMap", "java.util.HashSet" -> name.equals("<init>");
            case "java.util.Map" -> name.equals("copyOf") || name.equals("ofEntries") || name.equals("of") && given > 2;
            case "java.util.Set" -> name.equals("copyOf") || name.equals("of") && (given > 1
                || given == 1 && made.getRawParameterTypes().get(0).isArray());
            case "java.util.stream.Collectors" -> name.equals("toSet") || name.equals("toMap") && given < 4
                || name.equals("groupingBy") && given < 3 || name.equals("partitioningBy");
            default -> false;
        };
    }

    /** What the caller did wrong has one type, by which a command line and a server know it from faults of their own. */
    @ArchTest static final ArchRule whatTheCallerDidWrongHasOneType = noClasses().that()
        .haveNameNotMatching("io\\.palitra\\.config\\.ArgumentException").should()
        .callConstructor(IllegalArgumentException.class, String.class)
        .orShould().callConstructor(IllegalArgumentException.class, String.class, Throwable.class);

    private static ArchRule layers() {
        var rule = com.tngtech.archunit.library.Architectures.layeredArchitecture().consideringOnlyDependenciesInLayers();
        for (String p : ORDER) rule = rule.optionalLayer(p).definedBy("io.palitra." + p + "..");
        for (int i = 0; i < ORDER.length; i++) {
            if (i == 0) rule = rule.whereLayer(ORDER[0]).mayNotBeAccessedByAnyLayer();
            else rule = rule.whereLayer(ORDER[i]).mayOnlyBeAccessedByLayers(java.util.Arrays.copyOf(ORDER, i));
        }
        return rule;
    }
}
