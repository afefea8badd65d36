// flags.js: feature flags: on and off, how many get them, when that changes, and who sees what.
import { h, say } from './dom.js';
import { get, may, post, put, remove, rpc } from './api.js';
import { act, badge, button, confirmed, facts, heading, link, list, pageOf, panel, table, tabs } from './ui.js';
import { filters, panelless } from './campaigns.js';
import { form, without } from './form.js';
import { timeChart } from './chart.js';
import { moment, number, orDash, words } from './format.js';

const CATEGORIES = ['experimental', 'rollout', 'ui', 'advanced'];
const VALUE_TYPES = ['boolean', 'string', 'number', 'json'];

export function flagTabs(current) {
    return tabs(
        'Flags and tests',
        [['flags', 'Flags', 'flags'], may('admin', 'analytics') && ['tests', 'A/B tests', 'tests']].filter(Boolean),
        current,
    );
}

// --- the list ---

function toggle(flag) {
    const element = h('input', {
        type: 'checkbox',
        role: 'switch',
        'aria-label': 'Switch ' + flag.flag_key,
        checked: flag.enabled,
        disabled: !may('admin'),
    });
    element.addEventListener('change', async () => {
        const wanted = element.checked;
        element.checked = !wanted; // until the database says so
        await act(element, async () => {
            const now = await rpc('toggle_flag', { key: flag.flag_key, enabled: wanted });
            element.checked = now.enabled;
            say(`${flag.flag_key} is ${now.enabled ? 'on' : 'off'}`);
        });
    });
    return element;
}

const FLAG_COLUMNS = [
    { title: 'Key', value: (one) => link(one.flag_key, 'flags', one.flag_key) },
    { title: 'Name', value: (one) => one.name },
    { title: 'On', value: toggle },
    { title: 'Roll-out', number: true, value: (one) => number(one.rollout_percentage) + '\u2009%' },
    { title: 'Category', value: (one) => words(one.category) },
    { title: 'Type', value: (one) => one.value_type },
    { title: 'Audience', value: (one) => one.audience },
    { title: 'Changed', value: (one) => moment(one.updated_at) },
];

function flagsList() {
    let wanted = {};
    const found = panel(
        'Flags',
        () =>
            list(
                'Flags',
                FLAG_COLUMNS,
                async (after) => pageOf(await rpc('list_flags', { ...wanted, after }), 'flags'),
                'No flag is like that.',
            ),
        { class: 'bare' },
    );
    return [
        heading('Flags and tests', may('admin') && h('a', { class: 'button primary', href: '#/flags/new/flag' }, 'New flag')),
        flagTabs('flags'),
        filters(
            [
                { name: 'search', label: 'Search' },
                { name: 'status', label: 'State', options: ['', 'on', 'off', 'archived'] },
                { name: 'category', label: 'Category', options: ['', ...CATEGORIES] },
            ],
            (chosen) => {
                wanted = chosen;
                found.reload();
            },
        ),
        found,
    ];
}

function newFlag() {
    return [
        heading('New flag'),
        panel(
            'New flag',
            async () =>
                form(
                    [
                        { name: 'key', label: 'Key', required: true, hint: 'Never used again, even after archiving.' },
                        { name: 'name', label: 'Name', required: true },
                        { name: 'value_type', label: 'Type', kind: 'select', options: VALUE_TYPES },
                        { name: 'audience', label: 'Audience', kind: 'select', options: ['client', 'server', 'public'] },
                        { name: 'category', label: 'Category', kind: 'select', options: CATEGORIES, value: 'experimental' },
                        { name: 'owner', label: 'Owner' },
                        { name: 'rollout_percentage', label: 'Roll-out, per cent', kind: 'number', value: 100 },
                        { name: 'enabled', label: 'Switched on', kind: 'check' },
                        { name: 'default_value', label: 'Value while off (JSON)', kind: 'json' },
                        { name: 'value', label: 'Value of the roll-out (JSON)', kind: 'json' },
                        { name: 'targeting', label: 'Only for users like this (JSON condition)', kind: 'json' },
                        { name: 'description', label: 'Description', kind: 'area' },
                    ],
                    'Create it',
                    async (values) => {
                        const made = await post(['api', 'flags'], without(values));
                        location.hash = '#/flags/' + encodeURIComponent(made.flag_key);
                    },
                ),
            { class: 'untitled' },
        ),
    ];
}

// --- one flag ---

function rollout(flag, changed) {
    const shown = h('output', { class: 'number' }, number(flag.rollout_percentage) + '\u2009%');
    const slider = h('input', {
        type: 'range',
        min: 0,
        max: 100,
        step: 1,
        'aria-label': 'Roll-out in per cent',
        disabled: !may('admin'),
        oninput: () => {
            shown.textContent = slider.value + '\u2009%';
        },
    });
    slider.value = flag.rollout_percentage;
    const apply = button('Roll out', async () => {
        const now = await rpc('set_flag_rollout', { key: flag.flag_key, percentage: Number(slider.value) });
        await changed();
        say(`Rolled out to ${now.rollout_percentage} per cent`);
    });
    return h('p', { class: 'tools' }, slider, shown, may('admin') && apply);
}

function schedule(flag, changed) {
    const plans = table(
        'Planned changes',
        [
            { title: 'At', value: (one) => moment(one.starts_at) },
            { title: 'Then', value: (one) => badge(one.enabled ? 'on' : 'off') },
            {
                title: 'Share',
                number: true,
                value: (one) =>
                    one.ends_at
                        ? `${number(one.from_percentage)} to ${number(one.to_percentage)}\u2009% by ${moment(one.ends_at)}`
                        : number(one.to_percentage) + '\u2009%',
            },
            {
                title: '',
                value: (one) =>
                    may('admin') &&
                    button('Cancel', async () => {
                        await rpc('cancel_flag_schedule', { key: flag.flag_key, at: one.starts_at });
                        await changed();
                    }),
            },
        ],
        flag.schedule,
        'Nothing is planned.',
    );
    if (!may('admin') || flag.archived) return [plans];
    return [
        plans,
        h('h3', null, 'Plan a change'),
        form(
            [
                { name: 'at', label: 'At', kind: 'time', required: true },
                {
                    name: 'enabled',
                    label: 'Then',
                    kind: 'select',
                    options: [
                        ['', 'as it is'],
                        ['true', 'on'],
                        ['false', 'off'],
                    ],
                },
                { name: 'percentage', label: 'Share, per cent', kind: 'number' },
                { name: 'until', label: 'Growing until', kind: 'time' },
                { name: 'reason', label: 'Reason' },
            ],
            'Plan it',
            async (values) => {
                const enabled = values.enabled === null ? null : values.enabled === 'true';
                await rpc('schedule_flag', { key: flag.flag_key, ...values, enabled });
                await changed();
            },
        ),
    ];
}

function evaluation(flag) {
    const shown = h('div');
    return [
        form(
            [
                { name: 'user_id', label: 'User (id)', hint: 'Nobody in particular unless given.' },
                { name: 'attributes', label: 'Attributes (JSON)', kind: 'json' },
            ],
            'What do they see?',
            async (values) => {
                const seen = await post(['api', 'flags', flag.flag_key, 'evaluate'], without(values));
                shown.replaceChildren(
                    facts([
                        ['Value', h('code', null, JSON.stringify(seen.value))],
                        ['Enabled', seen.enabled ? 'yes' : 'no'],
                        ['Because of', words(seen.source)],
                        ['Rule', orDash(seen.rule_id)],
                        ['Variant', orDash(seen.variant)],
                    ]),
                );
                say('The value is ' + JSON.stringify(seen.value));
            },
        ),
        shown,
    ];
}

async function usage(key) {
    const answer = await get(['api', 'flags', key, 'analytics']);
    return timeChart(
        'Evaluations',
        'a day',
        [
            { name: 'Enabled', kind: 'line' },
            { name: 'Disabled', kind: 'line' },
        ],
        answer.analytics.map((one) => ({ at: one.date, values: [one.enabled_count, one.disabled_count] })),
    );
}

async function changes(key) {
    const answer = await get(['api', 'flags', key, 'audit'], { days: 365 });
    return table(
        'Changes',
        [
            { title: 'When', value: (one) => moment(one.changed_at) },
            { title: 'What', value: (one) => words(one.action) },
            { title: 'By', value: (one) => orDash(one.actor_id) },
            { title: 'Reason', value: (one) => orDash(one.reason) },
            { title: 'Before', value: (one) => h('code', null, JSON.stringify(one.before)) },
            { title: 'After', value: (one) => h('code', null, JSON.stringify(one.after)) },
        ],
        answer.entries,
    );
}

function editFlag(flag, changed) {
    return form(
        [
            { name: 'name', label: 'Name', value: flag.name },
            { name: 'owner', label: 'Owner', value: flag.owner },
            { name: 'category', label: 'Category', kind: 'select', options: CATEGORIES, value: flag.category },
            { name: 'default_value', label: 'Value while off (JSON)', kind: 'json', value: flag.default_value },
            { name: 'value', label: 'Value of the roll-out (JSON)', kind: 'json', value: flag.value },
            { name: 'targeting', label: 'Only for users like this (JSON condition)', kind: 'json', value: flag.targeting },
            { name: 'rules', label: 'Rules (JSON)', kind: 'json', value: flag.rules },
            { name: 'description', label: 'Description', kind: 'area', value: flag.description },
        ],
        'Save',
        async (values, different) => {
            await put(['api', 'flags', flag.flag_key], { ...different, version: flag.version });
            await changed();
        },
    );
}

function archiving(flag, changed) {
    if (flag.archived)
        return button('Take out of the archive', async () => {
            await rpc('restore_flag', { key: flag.flag_key });
            await changed();
        });
    return button(
        'Archive',
        () =>
            confirmed('Archive this flag?', 'It gives its default from now on, and its overrides are gone.', 'Archive', async () => {
                await remove(['api', 'flags', flag.flag_key]);
                await changed();
            }),
        { class: 'danger' },
    );
}

function flagDetail(key) {
    const place = h('div');
    const show = async () => {
        const flag = await get(['api', 'flags', key]);
        place.replaceChildren(
            ...[
                heading(flag.name, may('admin') && archiving(flag, show)),
                h('p', { class: 'under' }, badge(flag.archived ? 'archived' : flag.enabled ? 'on' : 'off'), ' ', h('code', null, key)),
                h(
                    'div',
                    { class: 'grid two' },
                    panel('Who gets it', async () => [
                        !flag.archived && h('label', { class: 'tools' }, toggle(flag), 'Switched on'),
                        rollout(flag, show),
                        facts([
                            ['Value of the roll-out', h('code', null, JSON.stringify(flag.value))],
                            ['Value while off', h('code', null, JSON.stringify(flag.default_value))],
                            ['Rules', number(flag.rules.length)],
                            ['Overrides', number(flag.overrides)],
                            ['Audience', flag.audience],
                            ['Owner', orDash(flag.owner)],
                            ['Version', number(flag.version)],
                        ]),
                        flag.description && h('p', null, flag.description),
                    ]),
                    panel('Who sees what', async () => evaluation(flag)),
                ),
                panel('Schedule', async () => schedule(flag, show)),
                may('admin') && !flag.archived && panel('Change it', async () => editFlag(flag, show)),
                may('admin', 'analytics') && panel('Usage', () => usage(key)),
                may('admin') && panel('Changes', () => changes(key)),
            ].filter(Boolean),
        );
    };
    return panelless(place, show);
}

export function flagsView([key, what]) {
    if (key === 'new' && what === 'flag') return newFlag();
    return key ? flagDetail(key) : flagsList();
}
