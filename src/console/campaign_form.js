// campaign_form.js: a campaign to be created or changed, and what it would have given.
import { h } from './dom.js';
import { get, post, put, rpc } from './api.js';
import { dialog, facts, panel, table, button } from './ui.js';
import { form, without } from './form.js';
import { timeChart } from './chart.js';
import { daysAgo, money, number, words } from './format.js';

const TYPES = ['LOCATION_DEAL', 'EMAIL_OFFER', 'SEASONAL', 'LOYALTY_BOOST', 'FLASH_SALE'];
const OFFERS = ['PERCENTAGE', 'FIXED_DISCOUNT', 'BOGO', 'FREE_SHIPPING', 'OTHER'];

function choices(names, none) {
    return [...(none === undefined ? [] : [['', none]]), ...names.map((name) => [name, words(name)])];
}

async function readChoices() {
    const [segments, categories] = await Promise.all([get(['api', 'analytics', 'segments']), get(['api', 'merchants', 'categories'])]);
    return { segments: segments.segments.map((one) => one.name), categories: categories.categories.map((one) => one.category) };
}

// Every argument of create_campaign.
function fieldsOf(campaign, { segments, categories }) {
    const own = (names) => ['', ...names].map((name) => [name, name || 'everybody']);
    const fields = [
        { name: 'name', label: 'Name', required: true },
        {
            name: 'campaign_type',
            label: 'Type',
            kind: 'select',
            options: choices(TYPES),
            required: true,
            hint: 'A label, without effect on awards.',
        },
        { name: 'offer_type', label: 'Offer', kind: 'select', options: choices(OFFERS), required: true },
        { name: 'offer_amount', label: 'Amount of the offer', kind: 'number', hint: 'Per cent, or money of the currency.' },
        { name: 'start_date', label: 'Starts', kind: 'time', required: true },
        { name: 'end_date', label: 'Ends', kind: 'time' },
        { name: 'budget', label: 'Budget', kind: 'number' },
        { name: 'currency', label: 'Currency', hint: 'The programme\u2019s unless given.' },
        { name: 'target_segment', label: 'For the segment', kind: 'select', options: own(segments) },
        {
            name: 'target_category',
            label: 'At merchants of the category',
            kind: 'select',
            options: ['', ...categories].map((name) => [name, name || 'any']),
        },
        { name: 'target_merchant_id', label: 'At the merchant (id)' },
        { name: 'min_spend', label: 'Least amount of a purchase', kind: 'number' },
        { name: 'max_discount', label: 'Greatest discount', kind: 'number' },
        { name: 'per_user_limit', label: 'Redemptions of a user', kind: 'number' },
        { name: 'daily_limit', label: 'Redemptions a day', kind: 'number' },
        { name: 'points_multiplier', label: 'Points multiplied by', kind: 'number' },
        { name: 'bonus_points', label: 'Bonus points', kind: 'number' },
        { name: 'priority', label: 'Priority', kind: 'number', hint: 'The higher goes first.' },
        { name: 'hold_out', label: 'Held out, per cent', kind: 'number', hint: 'Users who never get it, to see what it adds.' },
        !campaign && { name: 'campaign_id', label: 'Id', hint: 'Made unless given.' },
        { name: 'stackable', label: 'May be combined with others', kind: 'check' },
        { name: 'description', label: 'Description', kind: 'area' },
    ];
    return fields.filter(Boolean).map((field) => ({ ...field, value: campaign ? campaign[field.name] : undefined }));
}

// --- what would it have given ---

function outcome(title, part, currency) {
    const notApplied = Object.entries(part.not_applied)
        .map(([reason, count]) => `${words(reason)}: ${number(count)}`)
        .join('; ');
    return h(
        'div',
        null,
        h('h3', null, title),
        facts([
            ['Redemptions', number(part.redemptions)],
            ['Users', number(part.users)],
            ['Discount', money(part.discount, currency)],
            ['Points', number(part.points)],
            ['Cost', money(part.cost, currency)],
            ['Budget left', money(part.budget_left, currency)],
            part.budget_short_on && ['Budget was short on', part.budget_short_on],
            notApplied && ['Did not apply to', notApplied],
        ]),
    );
}

function simulation(result) {
    const { currency } = result;
    const changed = table(
        'Other campaigns that would have given something else',
        [
            { title: 'Campaign', value: (one) => one.campaign_id },
            { title: 'Redemptions without', number: true, value: (one) => number(one.without.redemptions) },
            { title: 'with', number: true, value: (one) => number(one.with.redemptions) },
            { title: 'Cost without', number: true, value: (one) => money(one.without.cost, one.currency) },
            { title: 'with', number: true, value: (one) => money(one.with.cost, one.currency) },
        ],
        result.changed,
        'No other campaign would have given anything else.',
    );
    return [
        h(
            'p',
            null,
            `${number(result.purchases)} purchases of the period were replayed, ${number(result.others)} other campaigns ran. Nothing was written.`,
        ),
        h('div', { class: 'split' }, outcome('Alone', result.alone, currency), outcome('Beside the others', result.together, currency)),
        timeChart(
            'Cost by day',
            currency,
            [{ name: 'Alone', kind: 'bars' }],
            result.alone.days.map((one) => ({ at: one.day, values: [one.cost] })),
        ),
        changed,
    ];
}

export function simulate(campaign) {
    const shown = h('div');
    dialog('What would it have given?', (close) => [
        form(
            [
                { name: 'start_date', label: 'Purchases from', kind: 'day', value: daysAgo(30) },
                { name: 'end_date', label: 'until before', kind: 'day', value: daysAgo(-1) },
            ],
            'Work it out',
            async ({ start_date, end_date }) => {
                const whole = { ...campaign, start_date, end_date: null };
                const result = await rpc('simulate_campaign', { campaign: without(whole), start_date, end_date });
                shown.replaceChildren(...simulation(result));
            },
            button('Close', close),
        ),
        h('p', { class: 'quiet' }, 'As if its dates were those of the period.'),
        shown,
    ]).classList.add('wide');
}

// The definition of a stored campaign: what create_campaign takes.
export function definitionOf(campaign) {
    const names = fieldsOf(null, { segments: [], categories: [] }).map((field) => field.name);
    return Object.fromEntries(names.map((name) => [name, campaign[name] === undefined ? null : campaign[name]]));
}

// --- create and edit ---

export function campaignForm(campaign, done) {
    return panel(
        campaign ? 'Change it' : 'New campaign',
        async () => {
            const specification = fieldsOf(campaign, await readChoices());
            const back = h(
                'a',
                { class: 'button', href: campaign ? '#/campaigns/' + encodeURIComponent(campaign.campaign_id) : '#/campaigns' },
                'Cancel',
            );
            const tryOut = button('What would it have given?', () =>
                simulate({ ...element.read(), campaign_id: campaign ? campaign.campaign_id : element.read().campaign_id }),
            );
            const element = form(
                specification,
                campaign ? 'Save' : 'Create the draft',
                async (values, changed) => {
                    if (campaign && Object.keys(changed).length > 0) await put(['api', 'campaigns', campaign.campaign_id], changed);
                    done(campaign ? campaign.campaign_id : (await post(['api', 'campaigns'], without(values))).campaign_id);
                },
                [tryOut, back],
            );
            return element;
        },
        { class: 'untitled' },
    );
}
