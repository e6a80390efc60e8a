/** The command line: palitra COMMAND. Results on stdout, the rest on stderr. */
@NullMarked
package io.palitra.app;

import org.jspecify.annotations.NullMarked;
