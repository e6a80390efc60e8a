/** The Java side of bench/run: the same work as bench/compare does in PyTorch, and a JMH bench of the training step. */
@NullMarked
package io.palitra.bench;

import org.jspecify.annotations.NullMarked;
