/** What a run shows a person: pictures with their settings inside, animations, plots, charts, TensorBoard events and the page of a run. */
@NullMarked
package io.palitra.report;

import org.jspecify.annotations.NullMarked;
