/** Files that other programs read and write too: every claim in them is checked before anything is allocated for it. */
@NullMarked
package io.palitra.hub;

import org.jspecify.annotations.NullMarked;
