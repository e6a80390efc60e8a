/** Networks that more than one family may use, with the names that public checkpoints give their tensors. */
@NullMarked
package io.palitra.net;

import org.jspecify.annotations.NullMarked;
