/** Noise schedules, denoisers and samplers: functions of their arguments. */
@NullMarked
package io.palitra.diffusion;

import org.jspecify.annotations.NullMarked;
