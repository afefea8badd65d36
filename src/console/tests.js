// tests.js: A/B tests: what they say, by groups and intervals, and starting and ending them.
import { h, say } from './dom.js';
import { get, may, post, remove, rpc } from './api.js';
import { badge, bar, button, confirmed, dialog, facts, heading, link, list, pageOf, panel, table } from './ui.js';
import { filters, panelless } from './campaigns.js';
import { flagTabs } from './flags.js';
import { form, without } from './form.js';
import { forestPlot, timeChart } from './chart.js';
import { compact, moment, money, number, orDash, percent, words } from './format.js';

// --- the list ---

const TEST_COLUMNS = [
    { title: 'Name', value: (one) => link(one.test_name, 'tests', one.test_id) },
    { title: 'State', value: (one) => badge(one.status) },
    { title: 'Of', value: (one) => one.kind },
    {
        title: 'Users',
        value: (one) =>
            one.target_sample_size
                ? bar(
                      one.users / one.target_sample_size,
                      `${compact(one.users)} of ${compact(one.target_sample_size)}`,
                      'Users of ' + one.test_name,
                      true,
                  )
                : number(one.users),
    },
    { title: 'Started', value: (one) => moment(one.started_at) },
    { title: 'Ended', value: (one) => moment(one.ended_at) },
    { title: 'Winner', value: (one) => orDash(one.winner) },
];

function testsList() {
    let wanted = {};
    const found = panel(
        'Tests',
        () =>
            list(
                'Tests',
                TEST_COLUMNS,
                async (after) => pageOf(await rpc('list_ab_tests', { ...wanted, after }), 'tests'),
                'No test is like that.',
            ),
        { class: 'bare' },
    );
    return [
        heading('Flags and tests', may('admin') && h('a', { class: 'button primary', href: '#/tests/new' }, 'New test')),
        flagTabs('tests'),
        filters(
            [
                { name: 'search', label: 'Search' },
                { name: 'status', label: 'State', options: ['', 'draft', 'running', 'paused', 'ended', 'archived'] },
            ],
            (chosen) => {
                wanted = chosen;
                found.reload();
            },
        ),
        found,
    ];
}

function newTest() {
    return [
        heading('New test of campaigns'),
        panel(
            'New test',
            async () =>
                form(
                    [
                        { name: 'test_name', label: 'Name', required: true },
                        { name: 'control_campaign_id', label: 'Control (campaign id)', required: true },
                        { name: 'variant_campaign_ids', label: 'Variants (campaign ids, by commas)', required: true },
                        {
                            name: 'primary_metric',
                            label: 'Decided on',
                            kind: 'select',
                            options: ['conversion', 'buyers', 'orders', 'revenue', 'net_revenue'],
                        },
                        {
                            name: 'minimum_effect_size',
                            label: 'Least effect to be found',
                            kind: 'number',
                            hint: '0.10 is from 10 % to 11 %.',
                        },
                        { name: 'target_sample_size', label: 'Users', kind: 'number', hint: 'As many as it takes unless given.' },
                        { name: 'hold_out', label: 'Held out, share', kind: 'number' },
                        { name: 'minimum_days', label: 'Least days', kind: 'number' },
                        { name: 'hypothesis', label: 'Hypothesis', kind: 'area' },
                    ],
                    'Create the draft',
                    async (values) => {
                        const variants = (values.variant_campaign_ids || '')
                            .split(',')
                            .map((id) => id.trim())
                            .filter(Boolean);
                        const made = await post(['api', 'ab-tests'], { ...without(values), variant_campaign_ids: variants });
                        location.hash = '#/tests/' + made.test_id;
                    },
                ),
            { class: 'untitled' },
        ),
    ];
}

// --- one test ---

function warningsOf(result) {
    const texts = result.warnings.map((one) => (typeof one === 'string' ? one : one.message || JSON.stringify(one)));
    if (result.sample_ratio.warning)
        texts.unshift(
            `The groups are not as large as they should be (p = ${result.sample_ratio.p_value.toPrecision(2)}): something is broken, and the figures mean nothing.`,
        );
    return texts.map((text) => h('p', { class: 'warning' }, text));
}

function verdict(result) {
    return [
        h('p', null, badge(result.recommendation), ' ', result.reason),
        facts([
            ['Users', number(result.users) + (result.target_sample_size ? ' of ' + number(result.target_sample_size) : '')],
            ['Chance to win', percent(result.chance_to_win)],
            ['p-value', result.p_value === null ? '\u2014' : result.p_value.toPrecision(2)],
            ['Significant', result.is_significant ? 'yes' : 'no'],
            ['Power', percent(result.statistical_power)],
            ['Sizes of groups', result.sample_ratio.p_value === null ? '\u2014' : 'p = ' + result.sample_ratio.p_value.toPrecision(2)],
            ['Days', number(result.period.days_running)],
            ['Days left', orDash(result.estimated_days_left)],
            ['As of', moment(result.as_of)],
        ]),
    ];
}

function intervals(result) {
    const rows = result.comparisons.map((one) => {
        const [low, high] = one.confidence_interval || [null, null];
        const isKnown = !one.error && one.improvement_percentage !== null;
        return {
            name: `${words(one.metric)}: ${one.name}`,
            value: isKnown ? one.improvement_percentage : NaN,
            low: isKnown && low !== null ? low : NaN,
            high: isKnown && high !== null ? high : NaN,
            note: one.error ? words(one.error) : one.role + (one.harmed ? ', harmed' : ''),
        };
    });
    if (!rows.some((row) => Number.isFinite(row.value)))
        return h('p', { class: 'quiet' }, 'No difference can be told yet: there is too little to compare.');
    return forestPlot('Difference from the control', `per cent, with intervals of ${number(result.confidence_level * 100)}\u2009%`, rows);
}

function groupsTable(result) {
    return table(
        'Groups',
        [
            { title: 'Group', value: (one) => one.name },
            {
                title: 'Campaign',
                value: (one) => (one.campaign_id ? link(one.campaign_id, 'campaigns', one.campaign_id) : orDash(one.value)),
            },
            { title: 'Users', number: true, value: (one) => number(one.users) },
            { title: 'Reached', number: true, value: (one) => number(one.reached) },
            { title: 'Buyers', number: true, value: (one) => number(one.buyers) },
            { title: 'Conversions', number: true, value: (one) => number(one.conversions) },
            { title: 'Rate', number: true, value: (one) => percent(one.conversion_rate) },
            { title: 'Revenue', number: true, value: (one) => number(one.revenue, 2) },
            { title: 'A user', number: true, value: (one) => number(one.revenue_per_user, 2) },
            { title: 'Cost', number: true, value: (one) => number(one.cost, 2) },
        ],
        result.groups,
    );
}

function course(result) {
    const groups = result.groups.slice(0, 2);
    const days = [...new Set(result.series.map((one) => one.day))];
    const valueOf = (at, group) =>
        (result.series.find((one) => one.day === at && one.group === group) || { conversions: null }).conversions;
    return timeChart(
        'Conversions so far',
        'by group',
        groups.map((one) => ({ name: one.name, kind: 'line' })),
        days.map((at) => ({ at, values: groups.map((one) => valueOf(at, one.group)) })),
    );
}

async function results(id) {
    const result = await get(['api', 'ab-tests', id, 'results']);
    return [warningsOf(result), verdict(result), intervals(result), groupsTable(result), result.series.length > 0 && course(result)];
}

function ending(one, changed) {
    dialog('End the test', (close) =>
        form(
            [
                {
                    name: 'winner',
                    label: 'Winner',
                    kind: 'select',
                    options: [
                        ['', 'none: the control stays'],
                        ...one.groups.map((group) => [group.campaign_id || group.name, `${group.name} ${group.campaign_id || ''}`]),
                    ],
                },
                {
                    name: 'campaigns',
                    label: 'Campaigns',
                    kind: 'select',
                    options: [
                        ['winner', 'the winner runs on for everybody'],
                        ['leave', 'are left as they are'],
                    ],
                },
                { name: 'reason', label: 'Reason' },
            ],
            'End it',
            async (values) => {
                say((await rpc('end_ab_test', { test_id: one.test_id, ...values })).message || 'The test is over');
                close();
                await changed();
            },
            button('Cancel', close),
        ),
    );
}

function testActions(one, changed) {
    const step = (label, name, attributes) =>
        button(
            label,
            async () => {
                await rpc(name, { test_id: one.test_id });
                await changed();
            },
            attributes,
        );
    return [
        ['draft', 'paused'].includes(one.status) && step(one.status === 'draft' ? 'Start' : 'Go on', 'start_ab_test', { class: 'primary' }),
        one.status === 'running' && step('Pause', 'pause_ab_test'),
        ['running', 'paused'].includes(one.status) && button('End', () => ending(one, changed), { class: 'danger' }),
        ['draft', 'ended'].includes(one.status) &&
            button(
                'Archive',
                () =>
                    confirmed('Archive this test?', 'Its rows stay.', 'Archive', async () => {
                        await remove(['api', 'ab-tests', one.test_id]);
                        location.hash = '#/tests';
                    }),
                { class: 'danger' },
            ),
    ];
}

function testDetail(id) {
    const place = h('div');
    const show = async () => {
        const one = await get(['api', 'ab-tests', id]);
        const again =
            may('admin') &&
            one.status !== 'draft' &&
            button('Add up now', async () => {
                await rpc('refresh_ab_tests', { test_id: id });
                await found.reload();
            });
        const found = panel('Results', () => results(id));
        if (again) found.tools(again);
        place.replaceChildren(
            ...[
                heading(one.test_name, may('admin') && testActions(one, show)),
                h('p', { class: 'under' }, badge(one.status), ' ', h('code', null, one.test_key)),
                one.hypothesis && h('p', null, one.hypothesis),
                one.status !== 'draft' && found,
                panel('Plan', async () =>
                    facts([
                        ['Decided on', words(one.primary_metric)],
                        ['Beside it', one.metrics.map(words).join(', ')],
                        ['Must not get worse', one.guardrails.map(words).join(', ')],
                        ['Groups', one.groups.map((group) => `${group.name} ${percent(group.weight, 0)}`).join(', ')],
                        ['Users', orDash(one.target_sample_size)],
                        ['Least effect', percent(one.minimum_effect_size)],
                        ['Confidence', percent(one.confidence_level, 0)],
                        ['Looked at daily', one.sequential ? 'yes' : 'no'],
                        ['Least days', number(one.minimum_days)],
                        ['Started', moment(one.started_at)],
                        ['Ended', moment(one.ended_at)],
                        ['Winner', orDash(one.winner)],
                        one.baseline !== null && ['Baseline', money(one.baseline)],
                    ]),
                ),
            ].filter(Boolean),
        );
    };
    return panelless(place, show);
}

export function testsView([id]) {
    if (id === 'new') return newTest();
    return id ? testDetail(id) : testsList();
}
