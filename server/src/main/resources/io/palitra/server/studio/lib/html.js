// What every page draws with: html`<p>…</p>` (Preact and htm), hooks and signals. Values are always text, never markup.
import { h } from 'preact';
import htm from 'htm';

export const html = htm.bind(h);
export { h, render, Fragment } from 'preact';
export { useState, useEffect, useLayoutEffect, useMemo, useRef, useCallback, useId } from 'preact/hooks';
export { signal, computed, effect, batch, useSignal, useComputed, useSignalEffect } from '@preact/signals';
