/** Records as configuration: overrides as text, JSON, descriptions. Imports nothing of the project, so everything may use it. */
@NullMarked
package io.palitra.config;

import org.jspecify.annotations.NullMarked;
