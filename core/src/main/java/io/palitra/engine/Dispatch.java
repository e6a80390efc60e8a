package io.palitra.engine;

import io.palitra.config.ArgumentException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.TensorList;
import org.bytedeco.pytorch.TensorVector;
import org.jspecify.annotations.Nullable;

/** Operators that the binding leaves out (_foreach_*, _fused_*), called by name through libtorch's dispatcher. */
final class Dispatch {
    static { Natives.load(); }

    private static final Map<String, OperatorHandle> OPERATORS = new ConcurrentHashMap<>();

    private Dispatch() {}

    /** Calls aten::name.overload; what it returns stays on the stack that is returned. Call inside a scope. */
    static IValueVector call(String name, String overload, @Nullable Object... arguments) {
        OperatorHandle operator = OPERATORS.computeIfAbsent(name + "." + overload, key -> find(name, overload));
        IValueVector stack = new IValueVector();
        for (Object argument : arguments) stack.push_back(value(argument));
        operator.callBoxed(stack);
        return stack;
    }

    private static OperatorHandle find(String name, String overload) {
        try (PointerScope scope = new PointerScope()) {
            OperatorHandle found = new OperatorHandle(Dispatcher.singleton().findSchemaOrThrow("aten::" + name, overload));
            found.retainReference();
            return found;
        }
    }

    private static IValue value(@Nullable Object v) {
        if (v == null) return new IValue();
        if (v instanceof org.bytedeco.pytorch.Tensor t) return new IValue(t);
        if (v instanceof TensorVector t) return new IValue(new GenericList((Pointer) new TensorList(t)));
        if (v instanceof Double d) return new IValue(d.doubleValue());
        if (v instanceof Long l) return new IValue(l.longValue());
        if (v instanceof Boolean b) return new IValue(b.booleanValue());
        if (v instanceof Scalar s) return new IValue(s);
        throw new ArgumentException("no operator takes a " + v.getClass().getSimpleName());
    }
}
