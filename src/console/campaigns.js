// campaigns.js: the list of campaigns, and one of them with its figures.
import { h, say } from './dom.js';
import { get, may, post, remove, rpc } from './api.js';
import { badge, bar, button, confirmed, facts, heading, link, list, pageOf, panel, table } from './ui.js';
import { timeChart } from './chart.js';
import { campaignForm, definitionOf, simulate } from './campaign_form.js';
import { compact, day, moment, money, number, offer, orDash, perCent, percent, words } from './format.js';

// --- the list ---

const COLUMNS = [
    { title: 'Name', value: (one) => link(one.name, 'campaigns', one.campaign_id) },
    { title: 'State', value: (one) => badge(one.status) },
    { title: 'Type', value: (one) => words(one.campaign_type) },
    { title: 'Offer', value: offer },
    { title: 'Starts', value: (one) => day(one.start_date) },
    { title: 'Ends', value: (one) => day(one.end_date) },
    {
        title: 'Budget',
        value: (one) =>
            one.budget === null
                ? h('span', { class: 'quiet' }, number(one.spent) + ' spent, no limit')
                : bar(one.spent / one.budget, `${number(one.spent)} of ${number(one.budget)}`, 'Budget of ' + one.name),
    },
];

// Filters above a list: what is chosen is asked for at once, what is searched for while it is typed, other words when they are whole.
export function filters(fields, changed) {
    const read = () =>
        Object.fromEntries([...element.querySelectorAll('input, select')].map((input) => [input.name, input.value.trim() || null]));
    const now = () => changed(read());
    let waits;
    const soon = () => {
        clearTimeout(waits);
        waits = setTimeout(now, 250);
    };
    const choice = (option) => h('option', { value: option }, option ? (/^\w+$/.test(option) ? words(option) : option) : 'any');
    const input = ({ name, options }) =>
        options
            ? h('select', { name, onchange: now }, options.map(choice))
            : h('input', {
                  name,
                  type: 'search',
                  autocomplete: 'off',
                  [name === 'search' ? 'oninput' : 'onchange']: name === 'search' ? soon : now,
              });
    const element = h(
        'div',
        { class: 'filters', role: 'search' },
        fields.map((field) => h('label', null, field.label, input(field))),
    );
    return element;
}

function campaignsList() {
    let wanted = {};
    const found = panel(
        'Campaigns',
        () =>
            list(
                'Campaigns',
                COLUMNS,
                async (after) => pageOf(await rpc('list_campaigns', { ...wanted, after, page_size: 20 }), 'campaigns'),
                'No campaign is like that.',
            ),
        { class: 'bare' },
    );
    return [
        heading('Campaigns', may('admin') && h('a', { class: 'button primary', href: '#/campaigns/new' }, 'New campaign')),
        filters(
            [
                { name: 'search', label: 'Search' },
                { name: 'status', label: 'State', options: ['', 'draft', 'running', 'paused', 'completed', 'archived'] },
                {
                    name: 'campaign_type',
                    label: 'Type',
                    options: ['', 'LOCATION_DEAL', 'EMAIL_OFFER', 'SEASONAL', 'LOYALTY_BOOST', 'FLASH_SALE'],
                },
            ],
            (chosen) => {
                wanted = chosen;
                found.reload();
            },
        ),
        found,
    ];
}

// --- one campaign ---

function definition(one) {
    return facts([
        ['Offer', offer(one)],
        ['Type', words(one.campaign_type)],
        ['Starts', moment(one.start_date)],
        ['Ends', moment(one.end_date)],
        ['For', orDash(one.target_segment)],
        ['Category', orDash(one.target_category)],
        one.target_merchant_id && ['Merchant', link(one.target_merchant_id, 'merchants', one.target_merchant_id)],
        ['Least purchase', money(one.min_spend, one.currency)],
        ['Greatest discount', money(one.max_discount, one.currency)],
        ['Redemptions of a user', orDash(one.per_user_limit)],
        ['Redemptions a day', orDash(one.daily_limit)],
        ['Points', `\u00d7\u2009${number(one.points_multiplier)}, +${number(one.bonus_points)}`],
        ['Held out', number(one.hold_out) + '\u2009%'],
        ['Priority', number(one.priority)],
        ['Combined', one.stackable ? 'yes' : 'no'],
        ['Version', number(one.version)],
        ['Launched', moment(one.launched_at)],
        one.description && ['Description', one.description],
    ]);
}

async function trend(id) {
    const { days } = await get(['api', 'analytics', 'campaigns', id, 'daily']);
    const points = days.map((one) => ({ at: one.date, values: [one.conversions] }));
    const amounts = days.map((one) => ({ at: one.date, values: [one.revenue, one.cost] }));
    const events = days.map((one) => ({ at: one.date, values: [one.impressions, one.clicks] }));
    const currency = days.length ? days[0].currency : '';
    return [
        timeChart('Redemptions', 'a day', [{ name: 'Redemptions', kind: 'bars' }], points),
        h(
            'div',
            { class: 'split' },
            timeChart(
                'Revenue and cost',
                currency + ' a day',
                [
                    { name: 'Revenue', kind: 'line' },
                    { name: 'Cost', kind: 'line' },
                ],
                amounts,
            ),
            timeChart(
                'Seen and clicked',
                'events a day',
                [
                    { name: 'Impressions', kind: 'line' },
                    { name: 'Clicks', kind: 'line' },
                ],
                events,
            ),
        ),
    ];
}

async function earned(id) {
    const [roi, metrics] = await Promise.all([
        rpc('get_campaign_roi', { campaign_id: id }),
        get(['api', 'analytics', 'campaigns', id, 'metrics']),
    ]);
    const { currency } = roi;
    const added = roi.incremental;
    return facts([
        ['Return on investment', perCent(roi.roi_percent)],
        ['Revenue', money(roi.revenue, currency)],
        ['Cost', money(roi.cost, currency)],
        ['Profit', money(roi.profit, currency)],
        ['Break-even', `${money(roi.break_even_revenue, currency)}, ${day(roi.break_even_date)}`],
        ['Redemptions', number(metrics.conversions)],
        ['Clicked of those who saw it', percent(metrics.rates.click_through_rate)],
        ['Cost of a redemption', money(metrics.rates.cost_per_acquisition, currency)],
        added && ['Profit that it added', money(added.profit, currency)],
    ]);
}

async function uplift(id) {
    try {
        const found = await rpc('get_campaign_uplift', { campaign_id: id });
        const { value, interval } = found.incremental_revenue;
        return [
            facts([
                ['Added revenue', `${money(value, found.currency)} (${(interval || []).map((end) => compact(end)).join(' to ')})`],
                ['Spent by who got it', `${money(found.exposed.spend_per_user, found.currency)} each of ${number(found.exposed.users)}`],
                [
                    'Spent by who was held out',
                    `${money(found.control.spend_per_user, found.currency)} each of ${number(found.control.users)}`,
                ],
                ['Chance that it adds anything', percent(found.chance_to_win)],
            ]),
            found.sample_ratio.warning &&
                h('p', { class: 'warning' }, 'The sizes of the groups are no accident: something is broken, and the figures mean nothing.'),
        ];
    } catch (error) {
        if (error.status !== 404 && error.status !== 400) throw error;
        return h('p', { class: 'quiet' }, `${words(error.message)}. ${error.hint || ''}`);
    }
}

async function segments(id) {
    const answer = await get(['api', 'analytics', 'campaigns', id, 'segment']);
    return table(
        'Segments',
        [
            { title: 'Segment', value: (one) => one.segment || 'in none' },
            { title: 'Members', number: true, value: (one) => number(one.members) },
            { title: 'Reached', number: true, value: (one) => number(one.reached) },
            { title: 'Redeemed', number: true, value: (one) => `${number(one.converters)} (${percent(one.converter_rate)})` },
            { title: 'Revenue', number: true, value: (one) => number(one.revenue, 2) },
            { title: 'Cost', number: true, value: (one) => number(one.cost, 2) },
        ],
        answer.segments,
        'They have not been worked out yet.',
    );
}

// Of the newest 500 changes of campaigns those of this one.
async function history(id) {
    const { logs } = await rpc('get_audit_logs', { resource: 'campaign', page_size: 500 });
    const changed = ({ before, after }) =>
        before && after
            ? Object.entries(after)
                  .map(([name, value]) => `${words(name)}: ${orDash(value)}`)
                  .join(', ')
            : '\u2014';
    return table(
        'Changes',
        [
            { title: 'When', value: (one) => moment(one.timestamp) },
            { title: 'What', value: (one) => words(one.action) },
            { title: 'By', value: (one) => one.actor_id || one.invoking_role },
            { title: 'Changed', value: (one) => changed(one.details || {}) },
        ],
        logs.filter((one) => one.resource_id === id),
    );
}

function actions(one, reload) {
    const id = one.campaign_id;
    const path = ['api', 'campaigns', id];
    if (one.status === 'archived') return [];
    const launch = button(
        one.status === 'paused' ? 'Resume' : 'Launch',
        async () => {
            say((await post([...path, 'launch'])).message);
            await reload();
        },
        { class: 'primary' },
    );
    const pause = button('Pause', async () => {
        say((await post([...path, 'pause'])).message);
        await reload();
    });
    return [
        one.status === 'running' ? pause : one.status !== 'completed' && launch,
        h('a', { class: 'button', href: `#/campaigns/${encodeURIComponent(id)}/edit` }, 'Edit'),
        button(
            'Archive',
            () =>
                confirmed('Archive this campaign?', 'Nothing brings it back; its redemptions and events stay.', 'Archive', async () => {
                    await remove(path);
                    await reload();
                }),
            { class: 'danger' },
        ),
    ];
}

function campaignDetail(id) {
    const place = h('div');
    const show = async () => {
        const one = await get(['api', 'campaigns', id]);
        const tools = [
            may('admin', 'analytics') && button('What would it have given?', () => simulate(definitionOf(one))),
            may('admin') && actions(one, reload),
        ];
        const counted = one.status !== 'draft';
        place.replaceChildren(
            ...[
                heading(one.name, tools),
                h('p', { class: 'under' }, badge(one.status), ' ', h('code', null, id)),
                one.budget !== null &&
                    h(
                        'div',
                        { class: 'budget' },
                        bar(
                            one.spent / one.budget,
                            `${money(one.spent, one.currency)} of ${money(one.budget, one.currency)} spent`,
                            'Budget',
                        ),
                    ),
                counted && panel('The last 30 days', () => trend(id)),
                h(
                    'div',
                    { class: 'grid two' },
                    panel('Definition', async () => definition(one)),
                    h(
                        'div',
                        null,
                        counted && panel('What it earned', () => earned(id)),
                        counted && one.hold_out > 0 && panel('What it added', () => uplift(id)),
                    ),
                ),
                counted && panel('Segments', () => segments(id)),
                may('admin') && panel('Changes', () => history(id)),
            ].filter(Boolean),
        );
    };
    const reload = () => show();
    return panelless(place, show);
}

// A view without a panel around it: an error is shown in its place.
export function panelless(place, show) {
    place.classList.add('panel', 'bare');
    place.append(h('p', { class: 'body quiet' }, '\u2026'));
    place.ready = show().catch((error) =>
        place.replaceChildren(h('h1', { tabindex: -1 }, error.message), h('p', null, error.details || '')),
    );
    return [place];
}

function campaignEdit(id) {
    const place = h('div');
    return panelless(place, async () => {
        const one = await get(['api', 'campaigns', id]);
        place.replaceChildren(
            heading('Edit ' + one.name),
            campaignForm(one, (same) => {
                location.hash = '#/campaigns/' + encodeURIComponent(same);
            }),
        );
    });
}

export function campaignsView([id, what]) {
    if (id === 'new')
        return [
            heading('New campaign'),
            campaignForm(null, (made) => {
                location.hash = '#/campaigns/' + encodeURIComponent(made);
            }),
        ];
    if (id && what === 'edit') return campaignEdit(id);
    return id ? campaignDetail(id) : campaignsList();
}
