
'use strict';
(() => {
  const all = (root, what) => Array.from(root.querySelectorAll(what));
  const clamp = (v, low, high) => Math.min(high, Math.max(low, v));

  // The folder that this page lies in, as a shell reads it; empty where the page came from elsewhere than a disk.
  const folder = () => {
    if (location.protocol !== 'file:') return '';
    let path;
    try {
      path = decodeURIComponent(location.pathname).replace(/\/[^/]*$/, '') || '/';
    } catch (e) {
      return '';   // a name that is no UTF-8
    }
    const drive = /^\/[A-Za-z]:/.test(path), share = location.host !== '';
    if (drive || share) {
      path = (share ? '//' + location.host + path : path.slice(1)).replace(/\//g, '\\');
      return /^[\w.:\\-]+$/.test(path) ? path : '"' + path + '"';
    }
    return /^[A-Za-z0-9_@%+=:,./-]+$/.test(path) ? path : "'" + path.replace(/'/g, "'\\''") + "'";
  };

  const select = node => getSelection().selectAllChildren(node);

  const copy = async node => {
    select(node);
    try {
      if (navigator.clipboard) await navigator.clipboard.writeText(node.textContent);
      else if (!document.execCommand('copy')) return false;
      return true;
    } catch (e) {
      return document.execCommand('copy');
    }
  };

  const here = folder();
  if (here) {
    all(document, '[data-run]').forEach(node => { node.textContent = here; });
    all(document, '[data-without]').forEach(node => { node.hidden = true; });
  }
  for (const box of all(document, '.command')) {
    const code = box.querySelector('code'), button = box.querySelector('button');
    const act = async () => {
      button.textContent = await copy(code) ? 'copied' : 'selected: copy it by the keyboard';
      setTimeout(() => { button.textContent = 'copy'; }, 2000);
    };
    button.hidden = false;
    button.addEventListener('click', act);
    box.querySelector('pre').addEventListener('click', act);
  }

  for (const box of all(document, '.frames')) {
    const slider = box.querySelector('.slider');
    if (!slider) continue;
    const input = slider.querySelector('input'), names = input.dataset.names.split('\n');
    const frames = Array.from(box.querySelector('.film').children);
    const show = () => {
      frames.forEach((frame, i) => { frame.hidden = i !== Number(input.value); });
      slider.querySelector('output').textContent = names[input.value];
      input.setAttribute('aria-valuetext', names[input.value]);
    };
    input.value = input.max;
    input.addEventListener('input', show);
    slider.hidden = false;
    show();
  }

  const brief = v => {
    const size = Math.abs(v);
    if (v === 0) return '0';
    return size < 1e-3 || size >= 1e6 ? v.toExponential(3) : size >= 1e4 ? v.toFixed(0) : v.toPrecision(4);
  };

  // The mean of what came before, each value by e^(-distance/back), over the sum of these weights.
  const mean = (xs, ys, back) => {
    let sum = 0, weight = 0;
    return ys.map((y, i) => {
      const fade = i === 0 ? 0 : Math.exp((xs[i - 1] - xs[i]) / back);
      sum = sum * fade + (y === null ? 0 : y);
      weight = weight * fade + (y === null ? 0 : 1);
      return y === null ? null : sum / weight;
    });
  };

  const nearest = (xs, ys, x) => {
    let best = -1;
    xs.forEach((v, i) => { if (ys[i] !== null && (best < 0 || Math.abs(v - x) <= Math.abs(xs[best] - x))) best = i; });
    return best;
  };

  const chart = box => {
    const data = JSON.parse(box.dataset.chart), svg = box.querySelector('svg'), tools = box.querySelector('.tools');
    const readout = tools.querySelector('output'), log = tools.querySelector('[type=checkbox]');
    const slider = tools.querySelector('[type=range]'), said = tools.querySelector('label span');
    const values = all(box, '.legend b'), title = svg.querySelector('title').textContent;
    const colour = i => 'var(--series-' + i % 8 + ')';
    const steps = Array.from(new Set(data.series.flatMap(s => s.x))).sort((a, b) => a - b);
    const letter = 6.7, top = 10, span = data.x.high - data.x.low;
    let at = null, width = 0, height = 0, left = 0, right = 0, bottom = 0, marks = null;

    const draw = (name, parent, attributes, style, text) => {
      const node = document.createElementNS(svg.namespaceURI, name);
      for (const key in attributes) node.setAttribute(key, attributes[key]);
      node.style.cssText = style;
      if (text !== undefined) node.textContent = text;
      parent.append(node);
      return node;
    };
    const axis = () => log.checked && data.logarithmic ? data.logarithmic : data.linear;
    const column = x => left + (x - data.x.low) / (span || 1) * (right - left);
    const share = (y, a) => log.checked ? Math.log(y / a.low) / Math.log(a.high / a.low) : (y - a.low) / (a.high - a.low);
    const row = y => bottom - clamp(share(y, axis()), 0, 1) * (bottom - top);
    const shows = y => y !== null && (!log.checked || y > 0);
    const back = () => Number(slider.value) === 0 ? 0 : span / 4 * Math.pow(10, (slider.value - 100) / 40);

    const line = (xs, ys, i, style) => {
      let d = '', pen = false;
      xs.forEach((x, k) => {
        if (shows(ys[k])) d += (pen ? 'L' : 'M') + column(x).toFixed(1) + ' ' + row(ys[k]).toFixed(1) + (pen ? '' : 'h0');
        pen = shows(ys[k]);
      });
      draw('path', svg, {d}, 'fill:none;stroke-linejoin:round;stroke-linecap:round;stroke:' + colour(i) + ';' + style);
    };

    const labels = () => {
      const faint = 'fill:var(--faint)', name = letter * data.name.length + 10;
      draw('text', svg, {x: width, y: bottom + 20, 'text-anchor': 'end'}, faint, data.name);
      for (const [tick, text] of axis().ticks) {
        draw('path', svg, {d: 'M' + left + ' ' + row(tick).toFixed(1) + 'H' + right}, 'stroke:var(--rule)');
        draw('text', svg, {x: left - 8, y: row(tick) + 4, 'text-anchor': 'end'}, faint, text);
      }
      const boxes = data.x.ticks.map(([tick, text]) => {
        const wide = letter * text.length;
        return {text, wide, x: clamp(column(tick) - wide / 2, 0, width - wide)};
      });
      let every = 1;
      const clash = () => boxes.some((b, i) => i > 0 && i % every === 0 && b.x < boxes[i - every].x + boxes[i - every].wide + 10);
      while (clash()) every++;
      data.x.ticks.forEach(([tick], i) => {
        draw('path', svg, {d: 'M' + column(tick).toFixed(1) + ' ' + bottom + 'v5'}, 'stroke:var(--rule)');
        const b = boxes[i];
        if (i % every === 0 && b.x + b.wide < width - name) draw('text', svg, {x: b.x, y: bottom + 20}, faint, b.text);
      });
    };

    const point = () => {
      marks.replaceChildren();
      const whole = steps[steps.length - 1], here = at === null ? whole : steps[at];
      readout.textContent = data.name + ' ' + here.toLocaleString('en') + (at === null ? ', the last' : '');
      if (at !== null) draw('path', marks, {d: 'M' + column(here).toFixed(1) + ' ' + top + 'V' + bottom}, 'stroke:var(--faint)');
      data.series.forEach((s, i) => {
        const k = nearest(s.x, s.y, here);
        if (k < 0) return;
        const y = s.y[k], elsewhere = s.x[k] !== here ? ' (' + data.name + ' ' + s.x[k].toLocaleString('en') + ')' : '';
        values[i].textContent = brief(y) + elsewhere;
        if (at !== null && shows(y)) draw('circle', marks, {cx: column(s.x[k]), cy: row(y), r: 4}, 'fill:' + colour(i));
      });
    };

    const redraw = () => {
      width = Math.max(240, Math.round(box.clientWidth));
      height = width < 500 ? 230 : 300;
      left = 10 + letter * Math.max(...axis().ticks.map(t => t[1].length));
      right = width - 16;
      bottom = height - 26;
      svg.setAttribute('viewBox', '0 0 ' + width + ' ' + height);
      svg.replaceChildren();
      labels();
      const reach = back();
      if (reach > 0) data.series.forEach((s, i) => line(s.x, s.y, i, 'stroke-width:1;opacity:.3'));
      data.series.forEach((s, i) => {
        if (reach > 0) line(s.meanX || s.x, mean(s.meanX || s.x, s.meanY || s.y, reach), i, 'stroke-width:2');
        else line(s.x, s.y, i, 'stroke-width:2');
      });
      said.textContent = reach > 0 ? 'exponential mean, about ' + Number(reach.toPrecision(2)).toLocaleString('en') + ' ' + data.name
        + 's back' : 'none';
      marks = draw('g', svg, {}, '');
      point();
    };

    const move = to => {
      at = to;
      point();
    };
    svg.addEventListener('pointermove', e => {
      const x = data.x.low + (e.clientX - svg.getBoundingClientRect().left - left) / (right - left) * span;
      let best = 0;
      steps.forEach((s, i) => { if (Math.abs(s - x) < Math.abs(steps[best] - x)) best = i; });
      move(best);
    });
    svg.addEventListener('pointerleave', () => move(null));
    svg.addEventListener('keydown', e => {
      const last = steps.length - 1, from = at === null ? last : at;
      const to = {ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last, Escape: null}[e.key];
      if (to === undefined) return;
      e.preventDefault();
      move(to === null ? null : clamp(to, 0, last));
    });
    log.checked = data.log;
    log.disabled = !data.logarithmic || !data.linear;
    slider.value = data.smooth ? 60 : 0;
    log.addEventListener('change', redraw);
    slider.addEventListener('input', redraw);
    svg.classList.remove('still');
    svg.setAttribute('tabindex', '0');
    svg.setAttribute('aria-label', title + ': arrow keys move along the ' + data.name + 's');
    tools.hidden = false;
    new ResizeObserver(() => { if (Math.round(box.clientWidth) !== width) redraw(); }).observe(box);
    redraw();
  };
  all(document, '[data-chart]').forEach(chart);
})();
