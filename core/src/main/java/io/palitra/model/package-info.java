/** The contract between families and everything around them, and the capabilities a family may have. */
@NullMarked
package io.palitra.model;

import org.jspecify.annotations.NullMarked;
