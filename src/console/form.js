// form.js: forms whose values are checked by the database, which says what is wrong with which.
import { h, newId, say } from './dom.js';
import { CallError } from './api.js';
import { showError } from './ui.js';

// Fields: {name, label, kind, value, options, hint}. Kinds: text, number, select, time, day, check, area, json, email, password.
const inputs = {
    text: () => h('input', { type: 'text', autocomplete: 'off' }),
    email: () => h('input', { type: 'email', autocomplete: 'username' }),
    password: (field) =>
        h('input', { type: 'password', autocomplete: field.name === 'new_password' ? 'new-password' : 'current-password' }),
    number: () => h('input', { type: 'text', inputmode: 'decimal', autocomplete: 'off', class: 'number' }),
    time: () => h('input', { type: 'datetime-local', step: 60 }),
    day: () => h('input', { type: 'date' }),
    check: () => h('input', { type: 'checkbox' }),
    area: () => h('textarea', { rows: 3 }),
    json: () => h('textarea', { rows: 4, class: 'code', spellcheck: 'false' }),
    select: (field) =>
        h(
            'select',
            null,
            field.options.map((option) => {
                const [value, label] = Array.isArray(option) ? option : [option, option];
                return h('option', { value }, label);
            }),
        ),
};

function localTime(text) {
    const date = new Date(text);
    return new Date(date - date.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

function fillIn(field, input) {
    const { value, kind } = field;
    if (value === null || value === undefined) return;
    if (kind === 'check') input.checked = value;
    else if (kind === 'time') input.value = localTime(value);
    else if (kind === 'json') input.value = JSON.stringify(value, null, 1);
    else input.value = value;
}

// What was entered as the API takes it; blank is null. What is no number goes as it is, and the database says so.
function entered(field, input) {
    const text = input.value.trim();
    if (field.kind === 'check') return input.checked;
    if (field.kind === 'password') return input.value;
    if (text === '') return null;
    if (field.kind === 'number') return Number.isFinite(Number(text)) ? Number(text) : text;
    if (field.kind === 'time') return new Date(text).toISOString();
    if (field.kind === 'json') return JSON.parse(text);
    return text;
}

function makeField(field) {
    const id = newId();
    const input = inputs[field.kind || 'text'](field);
    const wrong = h('span', { class: 'wrong', id: id + 'w' });
    input.id = id;
    input.name = field.name;
    input.required = Boolean(field.required);
    input.setAttribute('aria-describedby', [field.hint && id + 'h', id + 'w'].filter(Boolean).join(' '));
    fillIn(field, input);
    const label = h('label', { for: id }, field.label, field.required ? h('span', { class: 'quiet' }, ' (required)') : null);
    const hint = field.hint && h('span', { class: 'hint', id: id + 'h' }, field.hint);
    const box = h('div', { class: 'field of-' + (field.kind || 'text') }, label, input, hint, wrong);
    return { field, input, wrong, box, before: null };
}

// The field that the database names is marked, and has the focus.
function mark(fields, error) {
    const bad = fields.find(({ field }) => field.name === error.argument);
    if (!bad) return;
    bad.input.setAttribute('aria-invalid', 'true');
    bad.wrong.textContent = error.details || error.message;
    bad.input.focus();
}

function unmark(fields) {
    for (const { input, wrong } of fields) {
        input.removeAttribute('aria-invalid');
        wrong.textContent = '';
    }
}

// `act(values, changed)` gets all values, and those that differ from what was filled in.
export function form(specification, label, act, extra = []) {
    const fields = specification.filter((field) => field).map(makeField);
    const submit = h('button', { type: 'submit', class: 'primary' }, label);
    const element = h(
        'form',
        { novalidate: true },
        h(
            'div',
            { class: 'fields' },
            fields.map(({ box }) => box),
        ),
        h('div', { class: 'actions' }, submit, extra),
    );
    const read = () => Object.fromEntries(fields.map(({ field, input }) => [field.name, entered(field, input)]));
    const before = read();
    element.read = read;
    const send = async () => {
        try {
            const values = read();
            const changed = Object.fromEntries(
                Object.entries(values).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])),
            );
            await act(values, changed);
        } catch (error) {
            const shown =
                error instanceof SyntaxError ? new CallError(0, { message: 'The JSON cannot be read', details: error.message }) : error;
            say(shown.message);
            showError(element, shown);
            mark(fields, shown);
        }
    };
    element.addEventListener('submit', async (event) => {
        event.preventDefault();
        if (submit.getAttribute('aria-busy')) return;
        submit.setAttribute('aria-busy', 'true');
        unmark(fields);
        for (const box of element.querySelectorAll(':scope > .error')) box.remove();
        await send().finally(() => submit.removeAttribute('aria-busy'));
    });
    return element;
}

export function without(values, isLeftOut = (value) => value === null || value === '') {
    return Object.fromEntries(Object.entries(values).filter(([, value]) => !isLeftOut(value)));
}
