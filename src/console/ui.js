// ui.js: the parts that all views are made of: panels, tables, lists by pages, errors, dialogs.
import { h, newId, say } from './dom.js';
import { CallError } from './api.js';
import { words } from './format.js';

// --- errors ---

export function errorBox(error) {
    const lines = [h('strong', null, error.message)];
    if (error.details) lines.push(h('p', null, error.details));
    if (error.hint) lines.push(h('p', { class: 'quiet' }, error.hint));
    if (error.code) lines.push(h('code', null, error.code));
    return h('div', { class: 'error', role: 'alert' }, lines);
}

function clearErrors(place) {
    for (const box of place.querySelectorAll(':scope > .error')) box.remove();
}

export function showError(place, error) {
    clearErrors(place);
    place.prepend(errorBox(error));
    if (!(error instanceof CallError)) throw error;
}

// Does something for an element, which does nothing meanwhile, and keeps the focus; an error is shown in the panel or dialog that it is in.
export async function act(element, action) {
    const place = element.closest('dialog > div, .panel') || document.getElementById('main');
    if (element.getAttribute('aria-busy')) return;
    element.setAttribute('aria-busy', 'true');
    try {
        await action();
        clearErrors(place);
    } catch (error) {
        showError(place, error);
    } finally {
        element.removeAttribute('aria-busy');
    }
}

export function button(label, action, attributes) {
    const element = h('button', { type: 'button', ...attributes, onclick: () => act(element, action) }, label);
    return element;
}

// --- panels ---

// A part of a view with a heading; `load` gives what is in it. What the role may not see is not there.
export function panel(title, load, attributes = {}) {
    const body = h('div', { class: 'body' }, h('p', { class: 'quiet' }, '\u2026'));
    const id = newId();
    const head = h('div', { class: 'head' }, h('h2', { id }, title));
    const element = h('section', { ...attributes, class: 'panel ' + (attributes.class || ''), 'aria-labelledby': id }, head, body);
    let latest = 0; // asked again before there was an answer, the earlier one is of no use
    element.reload = async () => {
        latest += 1;
        const mine = latest;
        try {
            const parts = [await load(element)].flat(Infinity).filter((part) => part);
            if (mine !== latest) return;
            body.replaceChildren(...parts);
            clearErrors(element);
        } catch (error) {
            if (mine !== latest) return;
            if (error.status === 403) element.remove();
            else {
                body.replaceChildren();
                showError(element, error);
            }
        }
    };
    element.tools = (...parts) => head.append(h('div', { class: 'tools' }, parts));
    element.ready = element.reload();
    return element;
}

export function heading(title, ...tools) {
    document.title = title + ' \u2013 swipesavvy';
    return h('div', { class: 'heading' }, h('h1', { tabindex: -1 }, title), h('div', { class: 'tools' }, tools));
}

// --- tables ---

// Columns: {title, value: row => text or element, number: true for figures}.
function cell(column, value, isFirst) {
    const isShort = typeof value === 'string' && value.length <= 28; // one line
    return h(isFirst ? 'th' : 'td', { class: column.number ? 'number' : isShort ? 'short' : null, scope: isFirst ? 'row' : null }, value);
}
function cells(columns, row) {
    return columns.map((column, i) => cell(column, column.value(row), i === 0));
}
export function table(caption, columns, rows, none = 'There are none.') {
    if (rows.length === 0) return h('p', { class: 'quiet' }, none);
    const head = columns.map((column) => h('th', { scope: 'col', class: column.number ? 'number' : null }, column.title));
    const body = h(
        'tbody',
        null,
        rows.map((row) => h('tr', null, cells(columns, row))),
    );
    const element = h('table', null, h('caption', { class: 'hidden' }, caption), h('thead', null, h('tr', null, head)), body);
    const box = h('div', { class: 'scroll', role: 'group', 'aria-label': caption, tabindex: 0 }, element);
    box.add = (more) => body.append(...more.map((row) => h('tr', null, cells(columns, row))));
    return box;
}

// A list by keyset pages: `page(after)` gives {rows, next, total}; further rows come with a button.
export async function list(caption, columns, page, none) {
    const first = await page(null);
    const box = table(caption, columns, first.rows, none);
    let next = first.next;
    let shown = first.rows.length;
    if (!next) return [box];
    const count = h('span', { class: 'quiet' }, `${shown} of ${first.total}`);
    const more = button('More', async () => {
        const { rows, next: following } = await page(next);
        box.add(rows);
        next = following;
        shown += rows.length;
        count.textContent = `${shown} of ${first.total}`;
        say(`${shown} of ${first.total} shown`);
        more.hidden = !next;
    });
    return [box, h('p', { class: 'more' }, more, ' ', count)];
}

// What an answer of a list has, for list().
export function pageOf(answer, key) {
    return { rows: answer[key], next: answer.next_cursor, total: answer.total_capped ? answer.total + ' or more' : answer.total };
}

// Names and values, as pairs.
export function facts(pairs) {
    return h(
        'dl',
        null,
        pairs.filter((pair) => pair).map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, value))),
    );
}

export function badge(state) {
    return h(
        'span',
        {
            class:
                'badge ' +
                String(state)
                    .toLowerCase()
                    .replace(/[^a-z]/g, '-'),
        },
        words(state),
    );
}

// How much of something is used, or of a goal is reached; `text` says it in words.
export function bar(share, text, label, isGoal = false) {
    const part = Math.min(Math.max(share || 0, 0), 1) * 100;
    return h(
        'div',
        {
            class: 'bar',
            role: 'meter',
            'aria-label': label,
            'aria-valuemin': 0,
            'aria-valuemax': 100,
            'aria-valuenow': Math.round(part),
            'aria-valuetext': text,
        },
        h('span', { class: part > 90 && !isGoal ? 'full' : null, 'width%': part }),
        h('em', null, text),
    );
}

export function link(label, ...path) {
    return h('a', { href: '#/' + path.map(encodeURIComponent).join('/') }, label);
}

export function tabs(label, items, current) {
    return h(
        'nav',
        { class: 'tabs', 'aria-label': label },
        items.map(([id, title, path]) => h('a', { href: '#/' + path, 'aria-current': id === current ? 'page' : null }, title)),
    );
}

export function download(name, content) {
    const url = URL.createObjectURL(new Blob([content], { type: 'application/json' }));
    const anchor = h('a', { href: url, download: name });
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
}

// --- dialogs ---

// The browser keeps the focus within a modal dialog, closes it by Escape, and gives the focus back.
export function dialog(title, content) {
    const id = newId();
    const element = h('dialog', { 'aria-labelledby': id });
    const close = () => element.close();
    element.append(h('div', null, h('h2', { id }, title), content(close)));
    element.addEventListener('close', () => element.remove());
    document.body.append(element);
    element.showModal();
    return element;
}

// Asks before something that cannot be taken back. With `word`, it has to be typed.
export function confirmed(title, text, label, action, word) {
    dialog(title, (close) => {
        const typed = h('input', { autocomplete: 'off', 'aria-label': 'Type ' + word });
        const go = button(
            label,
            async () => {
                await action();
                close();
            },
            { class: 'danger', disabled: Boolean(word) },
        );
        typed.addEventListener('input', () => {
            go.disabled = typed.value !== word;
        });
        return [
            h('p', null, text),
            word && h('p', null, 'Type ', h('code', null, word), ' to confirm: ', typed),
            h('div', { class: 'actions' }, go, button('Cancel', close)),
        ];
    });
}
