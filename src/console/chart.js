// chart.js: charts as SVG, drawn anew for each width, with axes, units and a table of their figures behind a button.
import { h, svg, newId } from './dom.js';
import { compact, day, number } from './format.js';
import { table } from './ui.js';

function rem() {
    return parseFloat(getComputedStyle(document.documentElement).fontSize);
}

// Some five round numbers that cover the range.
function ticks(low, high) {
    const span = high - low || 1;
    const rough = span / 4;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
    const list = [];
    for (let i = Math.floor(low / step); (i - 1) * step < high; i += 1) list.push(Number((i * step).toPrecision(12)));
    return list;
}

// A figure with a caption; `draw(width, height)` makes the picture, `figures` the table.
function figure(title, unit, summary, draw, figures, attributes) {
    const id = newId();
    const picture = h('div', { class: 'picture' });
    const shown = h('div', { id, hidden: true });
    const key = h(
        'button',
        {
            type: 'button',
            class: 'plain',
            'aria-expanded': 'false',
            'aria-controls': id,
            onclick: () => {
                shown.hidden = !shown.hidden;
                key.setAttribute('aria-expanded', String(!shown.hidden));
                if (!shown.firstChild) shown.append(figures());
            },
        },
        'Figures',
    );
    const element = h(
        'figure',
        attributes,
        h('figcaption', null, h('span', null, title, unit ? h('span', { class: 'quiet' }, ' \u00b7 ' + unit) : null), key),
        picture,
        shown,
    );
    let width = 0;
    new ResizeObserver(() => {
        if (picture.clientWidth === width || picture.clientWidth === 0) return;
        width = picture.clientWidth;
        const image = draw(width, picture.clientHeight || 10 * rem());
        image.setAttribute('role', 'img');
        image.setAttribute('aria-label', title + ': ' + summary);
        picture.replaceChildren(image);
    }).observe(picture);
    return element;
}

function frame(width, height, low, high, format) {
    const size = rem();
    const steps = ticks(low, high);
    const labels = steps.map(format);
    const left = Math.max(...labels.map((label) => label.length)) * 0.45 * size + 0.7 * size;
    const box = { left, right: width - 0.5 * size, top: 0.5 * size, bottom: height - 1.4 * size };
    const [first, last] = [steps[0], steps[steps.length - 1]];
    box.y = (value) => box.bottom - ((value - first) / (last - first || 1)) * (box.bottom - box.top);
    box.base = box.y(Math.max(first, Math.min(0, last)));
    box.axis = steps.map((step, i) =>
        svg(
            'g',
            null,
            svg('line', { class: step === 0 ? 'axis' : 'grid', x1: box.left, x2: box.right, y1: box.y(step), y2: box.y(step) }),
            svg('text', { x: box.left - 0.4 * size, y: box.y(step) + 0.25 * size, 'text-anchor': 'end' }, labels[i]),
        ),
    );
    return box;
}

function dayLabels(box, height, days) {
    const size = rem();
    const places = Math.min(days.length, Math.max(2, Math.floor((box.right - box.left) / (6 * size))));
    const labels = [];
    for (let i = 0; i < places; i += 1) {
        const at = Math.round((i * (days.length - 1)) / Math.max(places - 1, 1));
        const text = days[at].label || day(days[at].at).replace(/,? \d{4}$/, '');
        labels.push(
            svg(
                'text',
                { x: box.x(at), y: height - 0.2 * size, 'text-anchor': i === 0 ? 'start' : i === places - 1 ? 'end' : 'middle' },
                text,
            ),
        );
    }
    return labels;
}

// Points over days or moments. points: [{at, label, values: [one for each series]}]; series: [{name, kind: 'bars' or 'line'}].
export function timeChart(title, unit, series, points, format = compact, attributes = {}) {
    const all = points
        .flatMap((point) => point.values)
        .filter((value) => value !== null)
        .map(Number);
    const high = Math.max(0, ...all);
    const low = Math.min(0, ...all);
    const draw = (width, height) => {
        const box = frame(width, height, low, high || 1, format);
        const step = (box.right - box.left) / Math.max(points.length, 1);
        box.x = (i) => box.left + (i + 0.5) * step;
        const marks = series.map((one, n) => (one.kind === 'bars' ? drawBars(box, step, points, n) : drawLine(box, points, n)));
        return svg(
            'svg',
            { width, height, viewBox: `0 0 ${width} ${height}` },
            box.axis,
            marks,
            points.length ? dayLabels(box, height, points) : null,
        );
    };
    const figures = () =>
        table(
            title,
            [
                { title: 'When', value: (point) => point.label || day(point.at) },
                ...series.map((one, n) => ({ title: one.name, number: true, value: (point) => number(point.values[n]) })),
            ],
            points,
        );
    const last = points.length
        ? series.map((one, n) => one.name + ' ' + format(points[points.length - 1].values[n])).join(', ')
        : 'no figures';
    const element = figure(title, unit, 'at last ' + last, draw, figures, attributes);
    if (series.length > 1) element.querySelector('figcaption > span').append(legend(series));
    return element;
}

function drawBars(box, step, points, n) {
    return points.map(
        (point, i) =>
            point.values[n] !== null &&
            svg(
                'rect',
                {
                    class: 'mark mark' + n,
                    x: box.x(i) - step * 0.38,
                    width: Math.max(step * 0.76, 1),
                    y: Math.min(box.y(point.values[n]), box.base),
                    height: Math.abs(box.base - box.y(point.values[n])),
                },
                svg('title', null, (point.label || day(point.at)) + ': ' + number(point.values[n])),
            ),
    );
}

function drawLine(box, points, n) {
    const parts = points.map((point, i) => (point.values[n] === null ? null : [box.x(i), box.y(point.values[n])])).filter(Boolean);
    const path = parts.map(([x, y], i) => (i === 0 ? 'M' : 'L') + x.toFixed(1) + ' ' + y.toFixed(1)).join('');
    const dots = points.length > 40 ? [] : parts.map(([cx, cy]) => svg('circle', { class: 'dot mark' + n, cx, cy, r: rem() / 8 }));
    return [svg('path', { class: 'line mark' + n, d: path }), dots];
}

function legend(series) {
    return h(
        'span',
        { class: 'legend' },
        series.map((one, n) => h('span', { class: 'key mark' + n }, one.name)),
    );
}

// Intervals around a line at 0. rows: [{name, note, value, low, high}], in percent.
export function forestPlot(title, unit, rows) {
    const all = rows.flatMap((row) => [row.value, row.low, row.high]).filter((value) => Number.isFinite(value));
    const [low, high] = [Math.min(0, ...all), Math.max(0, ...all)];
    const draw = (width) => {
        const size = rem();
        const height = (rows.length * 1.7 + 2) * size;
        const left = Math.min(12 * size, width * 0.4);
        const steps = ticks(low, high || 1);
        const x = (value) => left + ((value - steps[0]) / (steps[steps.length - 1] - steps[0])) * (width - left - size);
        const clip = (value) => Math.min(Math.max(value, steps[0]), steps[steps.length - 1]);
        const axis = steps.map((step) =>
            svg(
                'g',
                null,
                svg('line', { class: step === 0 ? 'axis' : 'grid', x1: x(step), x2: x(step), y1: 0, y2: height - 1.5 * size }),
                svg('text', { x: x(step), y: height - 0.3 * size, 'text-anchor': 'middle' }, compact(step)),
            ),
        );
        const lines = rows.map((row, i) => {
            const y = (i + 0.8) * 1.7 * size;
            const known = Number.isFinite(row.value);
            return svg(
                'g',
                null,
                svg('text', { x: 0, y: y + 0.3 * size }, row.name),
                known && Number.isFinite(row.low)
                    ? svg('line', { class: 'interval', x1: x(clip(row.low)), x2: x(clip(row.high)), y1: y, y2: y })
                    : null,
                known
                    ? svg('rect', {
                          class: 'mark mark0',
                          x: x(clip(row.value)) - size * 0.25,
                          y: y - size * 0.25,
                          width: size * 0.5,
                          height: size * 0.5,
                      })
                    : null,
            );
        });
        return svg('svg', { width, height, viewBox: `0 0 ${width} ${height}` }, axis, lines);
    };
    const figures = () =>
        table(
            title,
            [
                { title: 'What', value: (row) => row.name },
                { title: 'Difference', number: true, value: (row) => number(row.value, 1) },
                { title: 'From', number: true, value: (row) => number(row.low, 1) },
                { title: 'To', number: true, value: (row) => number(row.high, 1) },
                { title: 'Note', value: (row) => row.note || '' },
            ],
            rows,
        );
    return figure(title, unit, rows.map((row) => row.name + ' ' + number(row.value, 1)).join(', '), draw, figures, { class: 'forest' });
}

// Places on a plain map: true to scale in the middle, without tiles. places: [{name, latitude, longitude, note}].
export function placeMap(title, places) {
    const draw = (width, height) => {
        const size = rem();
        const range = (key) => {
            const all = places.map((place) => place[key]);
            return [Math.min(...all), Math.max(...all)];
        };
        const [south, north] = range('latitude');
        const [west, east] = range('longitude');
        const squeeze = Math.max(Math.cos((((south + north) / 2) * Math.PI) / 180), 0.01);
        const degrees = Math.max((north - south) / (height - 4 * size), ((east - west) * squeeze) / (width - 6 * size), 0.00001);
        const x = (longitude) => width / 2 + ((longitude - (west + east) / 2) * squeeze) / degrees;
        const y = (latitude) => height / 2 - (latitude - (south + north) / 2) / degrees;
        const half = { latitude: (degrees * height) / 2, longitude: (degrees * width) / 2 / squeeze };
        const grid = (key, middle) =>
            ticks(middle - half[key] * 0.9, middle + half[key] * 0.9).filter((step) => Math.abs(step - middle) < half[key]);
        const lines = [
            ...grid('latitude', (south + north) / 2).map((step) =>
                svg(
                    'g',
                    null,
                    svg('line', { class: 'grid', x1: 0, x2: width, y1: y(step), y2: y(step) }),
                    svg('text', { x: 2, y: y(step) - 2 }, step + '\u00b0'),
                ),
            ),
            ...grid('longitude', (west + east) / 2).map((step) =>
                svg(
                    'g',
                    null,
                    svg('line', { class: 'grid', x1: x(step), x2: x(step), y1: 0, y2: height }),
                    svg('text', { x: x(step) + 2, y: height - 3 }, step + '\u00b0'),
                ),
            ),
        ];
        const dots = places.map((place) =>
            svg(
                'g',
                null,
                svg(
                    'circle',
                    { class: 'place', cx: x(place.longitude), cy: y(place.latitude), r: size * 0.4 },
                    svg('title', null, place.name),
                ),
                places.length <= 25
                    ? svg('text', { x: x(place.longitude) + size * 0.6, y: y(place.latitude) + size * 0.25 }, place.name)
                    : null,
            ),
        );
        return svg('svg', { width, height, viewBox: `0 0 ${width} ${height}`, class: 'map' }, lines, dots);
    };
    const figures = () =>
        table(
            title,
            [
                { title: 'Place', value: (place) => place.name },
                { title: 'Latitude', number: true, value: (place) => place.latitude },
                { title: 'Longitude', number: true, value: (place) => place.longitude },
                { title: 'Note', value: (place) => place.note || '' },
            ],
            places,
        );
    return figure(title, 'degrees', places.length + ' places', draw, figures, { class: 'wide' });
}
