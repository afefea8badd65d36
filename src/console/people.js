// people.js: users: finding one, and what there is of them.
import { h, say } from './dom.js';
import { get, may, post, rpc } from './api.js';
import { badge, button, confirmed, dialog, download, facts, heading, link, list, pageOf, panel, table } from './ui.js';
import { filters, panelless } from './campaigns.js';
import { form } from './form.js';
import { timeChart } from './chart.js';
import { day, moment, money, number, orDash, signed, words } from './format.js';

// --- the list ---

const PEOPLE_COLUMNS = [
    { title: 'Name', value: (one) => link(one.name, 'people', one.user_id) },
    { title: 'E-mail', value: (one) => one.email },
    { title: 'State', value: (one) => badge(one.status) },
    { title: 'Role', value: (one) => words(one.role) },
    { title: 'Purchases', number: true, value: (one) => number(one.total_transactions) },
    { title: 'Spent', number: true, value: (one) => number(one.total_spent, 2) },
    { title: 'Signed in', value: (one) => moment(one.last_login) },
    { title: 'Since', value: (one) => day(one.created_at) },
];

function peopleList() {
    let wanted = {};
    // what somebody types is in no address, and so in no log of a proxy
    const found = panel(
        'People',
        () =>
            list(
                'People',
                PEOPLE_COLUMNS,
                async (after) => pageOf(await rpc('list_users', { ...wanted, after }), 'users'),
                'Nobody is like that.',
            ),
        { class: 'bare' },
    );
    return [
        heading('People'),
        filters(
            [
                { name: 'search', label: 'Name or e-mail' },
                { name: 'status', label: 'State', options: ['', 'active', 'inactive', 'suspended'] },
                { name: 'role', label: 'Role', options: ['', 'customer', 'support', 'analytics', 'backend', 'admin'] },
            ],
            (chosen) => {
                wanted = chosen;
                found.reload();
            },
        ),
        found,
    ];
}

// --- why did it earn that ---

async function explain(purchase, userId) {
    const found = await get(['api', 'transactions', purchase.transaction_id, 'explain'], { user_id: userId });
    const applied = found.candidates.filter((one) => one.applied);
    const others = found.candidates.filter((one) => !one.applied);
    dialog('Why did it earn that?', (close) => [
        facts([
            ['Amount', money(found.amount, found.currency)],
            ['Base points', number(found.points_base)],
            ['Bonus points', number(found.points_bonus)],
            ['Discount', money(found.discount, found.currency)],
            ['Bought', moment(found.occurred_at)],
            ['State', badge(found.status)],
        ]),
        h('h3', null, 'Campaigns that applied'),
        table(
            'Campaigns that applied',
            [
                { title: 'Campaign', value: (one) => one.name },
                { title: 'Version', number: true, value: (one) => number(one.version) },
                { title: 'Points', number: true, value: (one) => number(one.points) },
                { title: 'Discount', number: true, value: (one) => money(one.discount, found.currency) },
            ],
            applied,
            'None did.',
        ),
        h('h3', null, 'Campaigns that did not'),
        table(
            'Campaigns that did not apply',
            [
                { title: 'Campaign', value: (one) => one.name },
                { title: 'Because of', value: (one) => words(one.reason) },
                { title: 'Recorded then', value: (one) => (one.recorded ? 'yes' : 'no, tested again now') },
            ],
            others,
            'There was no other.',
        ),
        h('p', { class: 'actions' }, button('Close', close)),
    ]).classList.add('wide');
}

function purchaseColumns(userId) {
    return [
        { title: 'When', value: (one) => moment(one.timestamp) },
        { title: 'Merchant', value: (one) => orDash(one.merchant) },
        { title: 'Category', value: (one) => orDash(one.merchant_category) },
        { title: 'State', value: (one) => badge(one.status) },
        { title: 'Amount', number: true, value: (one) => money(one.amount, one.currency) },
        {
            title: 'Refunded',
            number: true,
            value: (one) => (one.refund_status === 'none' ? '\u2014' : money(one.refunded_amount, one.currency)),
        },
        { title: 'Points', number: true, value: (one) => number(one.points_earned) },
        { title: 'Paid with', value: (one) => orDash(one.payment_method) },
        {
            title: 'Why',
            value: (one) =>
                button('Why?', () => explain(one, userId), {
                    class: 'plain',
                    'aria-label': `Why did the purchase of ${moment(one.timestamp)} earn ${one.points_earned} points?`,
                }),
        },
    ];
}

// --- one person ---

async function points(userId) {
    const one = await get(['api', 'users', userId, 'rewards']);
    return [
        facts([
            ['Points', number(one.points_balance)],
            ['Pending', number(one.points_pending)],
            ['Tier', h('span', null, words(one.tier))],
            ['Next tier', one.next_tier ? `${words(one.next_tier)}, ${number(one.next_tier_points_needed)} points to go` : '\u2014'],
            ['Oldest expire', day(one.points_expiry_date)],
            ['Boosts', one.active_boosts.map((boost) => boost.name).join(', ') || '\u2014'],
        ]),
    ];
}

async function pointsHistory(userId) {
    return list(
        'History of points',
        [
            { title: 'When', value: (one) => moment(one.occurred_at) },
            { title: 'What', value: (one) => words(one.kind) },
            { title: 'Points', number: true, value: (one) => signed(one.points, 0) },
            { title: 'To spend', number: true, value: (one) => signed(one.balance_change, 0) },
            { title: 'Why', value: (one) => orDash(one.reason || one.campaign || one.reward || one.charity || one.merchant) },
        ],
        async (after) => pageOf(await get(['api', 'users', userId, 'points'], { after }), 'entries'),
        'Nothing has changed them yet.',
    );
}

async function accounts(userId) {
    const answer = await get(['api', 'users', userId, 'accounts']);
    return table(
        'Accounts',
        [
            {
                title: 'Account',
                value: (one) => [one.issuer || one.bank_name, one.card_type || one.account_type || one.type].filter(Boolean).join(' '),
            },
            { title: 'Digits', value: (one) => h('code', null, '\u2026' + one.last_four) },
            { title: 'Verified', value: (one) => (one.is_verified ? 'yes' : 'no') },
            { title: 'Default', value: (one) => (one.is_default ? 'yes' : 'no') },
            { title: 'Since', value: (one) => day(one.created_at) },
        ],
        answer.accounts,
        'None is linked.',
    );
}

async function spending(userId) {
    const answer = await get(['api', 'users', userId, 'analytics', 'spending'], { days: 90, granularity: 'weekly' });
    return timeChart(
        'Spent in 90 days',
        'a week',
        [{ name: 'Spent', kind: 'bars' }],
        answer.series.map((one) => ({ at: one.period, values: [one.amount] })),
    );
}

function adjusting(userId, changed) {
    const key = crypto.randomUUID(); // sent again, it is the same adjustment
    dialog('Give or take points', (close) =>
        form(
            [
                { name: 'points', label: 'Points', kind: 'number', required: true, hint: 'Negative ones are taken.' },
                { name: 'reason', label: 'Reason', required: true, hint: 'The user sees it.' },
            ],
            'Adjust',
            async (values) => {
                const made = await rpc('adjust_points', { user_id: userId, ...values, idempotency_key: key });
                say(`The balance is ${made.points_balance}`);
                close();
                await changed();
            },
            button('Cancel', close),
        ),
    );
}

function states(person, changed) {
    const id = person.user_id;
    const change = (label, name, text) =>
        button(label, () =>
            dialog(label, (close) => [
                h('p', null, text),
                form(
                    [{ name: 'reason', label: 'Reason' }],
                    label,
                    async ({ reason }) => {
                        await rpc(name, { user_id: id, reason });
                        close();
                        await changed();
                    },
                    button('Cancel', close),
                ),
            ]),
        );
    return person.account_status === 'active'
        ? change('Suspend', 'suspend_user', 'Sessions end, and purchases are refused until somebody reactivates.')
        : change('Reactivate', 'reactivate_user', 'Signing in and purchases are possible again.');
}

function personActions(person, changed) {
    const id = person.user_id;
    return [
        button('Reset password', () =>
            confirmed('Reset the password?', 'A temporary one is sent to the user, and all sessions end.', 'Reset', async () =>
                say((await post(['api', 'admin', 'users', id, 'reset-password'])).message),
            ),
        ),
        may('admin') && button('Adjust points', () => adjusting(id, changed)),
        may('admin') && states(person, changed),
        may('admin') &&
            button('Export', async () => download(id + '.json', JSON.stringify(await rpc('export_user_data', { user_id: id }), null, 1))),
        may('admin') &&
            button(
                'Erase',
                () =>
                    confirmed(
                        'Erase this person?',
                        'Name, addresses and everything personal is gone for good; purchases and totals stay under an id that names nobody.',
                        'Erase',
                        async () => {
                            await rpc('erase_user', { user_id: id, reason: 'by the console' });
                            await changed();
                        },
                        person.email,
                    ),
                { class: 'danger' },
            ),
    ];
}

function personDetail(id) {
    const place = h('div');
    const show = async () => {
        const person = await get(['api', 'users', id]);
        const told = Object.entries(person.notification_preferences || {})
            .filter(([, wanted]) => wanted)
            .map(([name]) => name)
            .join(', ');
        place.replaceChildren(
            ...[
                heading(orDash(person.name), personActions(person, show)),
                h('p', { class: 'under' }, badge(person.account_status), ' ', h('code', null, id)),
                h(
                    'div',
                    { class: 'grid two' },
                    panel('Profile', async () =>
                        facts([
                            ['E-mail', orDash(person.email)],
                            ['Phone', orDash(person.phone)],
                            ['Language', orDash(person.preferred_language)],
                            ['Since', day(person.created_at)],
                            ['Purchases', number(person.total_transactions)],
                            ['Spent', number(person.lifetime_value, 2)],
                            ['Told by', told || 'nothing'],
                        ]),
                    ),
                    panel('Points', () => points(id)),
                ),
                panel('Purchases', () =>
                    list(
                        'Purchases',
                        purchaseColumns(id),
                        async (after) => pageOf(await get(['api', 'users', id, 'transactions'], { after }), 'transactions'),
                        'None yet.',
                    ),
                ),
                h(
                    'div',
                    { class: 'grid two' },
                    panel('Accounts', () => accounts(id)),
                    may('admin') && panel('Spending', () => spending(id)),
                ),
                panel('History of points', () => pointsHistory(id)),
            ].filter(Boolean),
        );
    };
    return panelless(place, show);
}

export function peopleView([id]) {
    return id ? personDetail(id) : peopleList();
}
