// merchants.js: merchants, where they are, what is said of them, and what is agreed with them.
import { h, say } from './dom.js';
import { get, may, post, put, remove, rpc } from './api.js';
import { badge, button, confirmed, facts, heading, link, list, pageOf, panel, table, tabs } from './ui.js';
import { filters, panelless } from './campaigns.js';
import { form, without } from './form.js';
import { placeMap, timeChart } from './chart.js';
import { day, moment, money, number, orDash, signed, words } from './format.js';

function merchantTabs(current) {
    const items = [
        ['list', 'Merchants', 'merchants'],
        may('admin', 'support') && ['reviews', 'Ratings to moderate', 'merchants/reviews'],
    ].filter(Boolean);
    return items.length > 1 && tabs('Merchants', items, current);
}

// --- the list ---

const MERCHANT_COLUMNS = [
    { title: 'Name', value: (one) => link(one.name, 'merchants', one.merchant_id) },
    { title: 'Category', value: (one) => orDash(one.category) },
    { title: 'MCC', value: (one) => orDash(one.mcc) },
    {
        title: 'Rating',
        number: true,
        value: (one) => (one.rating === null ? '\u2014' : `${number(one.rating, 2)} (${number(one.rating_count)})`),
    },
    { title: 'Since', value: (one) => day(one.created_at) },
];

function merchantsList() {
    let wanted = {};
    const found = panel(
        'Merchants',
        () =>
            list(
                'Merchants',
                MERCHANT_COLUMNS,
                async (after) => pageOf(await rpc('list_merchants', { ...wanted, after }), 'merchants'),
                'No merchant is like that.',
            ),
        { class: 'bare' },
    );
    const choose = panel(
        'Filters',
        async () => {
            const { categories } = await get(['api', 'merchants', 'categories']);
            return filters(
                [
                    { name: 'search', label: 'Search' },
                    { name: 'category', label: 'Category', options: ['', ...categories.map((one) => one.category)] },
                ],
                (chosen) => {
                    wanted = chosen;
                    found.reload();
                },
            );
        },
        { class: 'bare' },
    );
    return [
        heading('Merchants', may('admin') && h('a', { class: 'button primary', href: '#/merchants/new' }, 'New merchant')),
        merchantTabs('list'),
        choose,
        found,
    ];
}

function newMerchant() {
    return [
        heading('New merchant'),
        panel(
            'New merchant',
            async () => {
                const { categories } = await get(['api', 'merchants', 'categories']);
                return form(
                    [
                        { name: 'name', label: 'Name', required: true },
                        {
                            name: 'category',
                            label: 'Category',
                            kind: 'select',
                            options: [['', 'by the MCC'], ...categories.map((one) => [one.category, one.category])],
                        },
                        { name: 'mcc', label: 'Merchant category code' },
                        { name: 'description', label: 'Description', kind: 'area' },
                    ],
                    'Create it',
                    async (values) => {
                        location.hash = '#/merchants/' + (await post(['api', 'merchants'], without(values))).merchant_id;
                    },
                );
            },
            { class: 'untitled' },
        ),
    ];
}

// --- ratings to moderate ---

function moderation(one, changed) {
    const decide = (label, status) =>
        button(
            label,
            async () => {
                await rpc('moderate_review', { review_id: one.review_id, status });
                say(`${label}: done`);
                await changed();
            },
            { 'aria-label': `${label} the comment on ${one.merchant} of ${day(one.created_at)}` },
        );
    return h('div', { class: 'tools' }, decide('Approve', 'approved'), decide('Reject', 'rejected'), decide('Remove', 'removed'));
}

function reviewsView() {
    const found = panel(
        'Ratings to moderate',
        () =>
            list(
                'Ratings to moderate',
                [
                    { title: 'Merchant', value: (one) => link(one.merchant, 'merchants', one.merchant_id) },
                    { title: 'Rating', number: true, value: (one) => number(one.rating) },
                    { title: 'Comment', value: (one) => one.comment },
                    { title: 'By', value: (one) => link('user', 'people', one.user_id) },
                    { title: 'When', value: (one) => moment(one.updated_at) },
                    { title: 'Decide', value: (one) => moderation(one, () => found.reload()) },
                ],
                async (after) => pageOf(await rpc('list_reviews_to_moderate', { after }), 'reviews'),
                'No comment waits.',
            ),
        { class: 'bare' },
    );
    return [
        heading('Merchants'),
        merchantTabs('reviews'),
        h(
            'p',
            { class: 'quiet' },
            'Rejected: the comment is not shown, and the rating counts. Removed, for fraud: the rating does not count either.',
        ),
        found,
    ];
}

// --- one merchant ---

async function locations(id) {
    const answer = await get(['api', 'merchants', id, 'locations'], { page_size: 100 });
    const open = { true: 'open', false: 'closed', null: 'hours not known' };
    const places = answer.locations.map((one) => ({
        name: orDash(one.name),
        latitude: Number(one.latitude),
        longitude: Number(one.longitude),
        note: open[one.is_open],
    }));
    return [
        places.length > 0 && placeMap('Where it is', places),
        table(
            'Locations',
            [
                { title: 'Name', value: (one) => orDash(one.name) },
                { title: 'Street', value: (one) => orDash(one.street) },
                { title: 'City', value: (one) => [one.postal_code, one.city, one.country].filter(Boolean).join(' ') },
                { title: 'Now', value: (one) => open[one.is_open] },
                { title: 'Until', value: (one) => moment(one.next_change) },
            ],
            answer.locations,
            'No location is known.',
        ),
        answer.next_cursor && h('p', { class: 'quiet' }, `The first 100 of ${answer.total} are shown.`),
    ];
}

async function merchantFigures(id) {
    const one = await get(['api', 'merchants', id, 'analytics']);
    return [
        facts([
            ['Purchases in 30 days', number(one.purchases)],
            ['Net amount', money(one.net_amount, one.currency)],
            ['Before', one.previous.percent === null ? '\u2014' : signed(one.previous.percent) + '\u2009%'],
            ['Commission', money(one.commission, one.currency)],
            ['Average', money(one.average_net, one.currency)],
            ['Customers in 30 days', number(one.customers.last_30_days)],
        ]),
        one.suppressed && h('p', { class: 'quiet' }, 'Figures that rest on few users are not shown.'),
        timeChart(
            'Net amount',
            one.currency + ' a day',
            [{ name: 'Net amount', kind: 'bars' }],
            one.days.map((point) => ({ at: point.date, values: [point.net_amount] })),
        ),
    ];
}

async function partnership(id, element) {
    const one = await get(['api', 'merchants', id, 'partnership']);
    return [
        facts([
            ['Tier', one.tier ? badge(one.tier) : 'nothing is agreed'],
            ['Commission', one.tier ? number(one.commission_rate, 2) + '\u2009%' : '\u2014'],
            ['From', day(one.starts_on)],
            ['To', day(one.ends_on)],
        ]),
        table(
            'Versions',
            [
                { title: 'Version', number: true, value: (row) => number(row.version) },
                { title: 'Tier', value: (row) => words(row.tier) },
                { title: 'Commission', number: true, value: (row) => number(row.commission_rate, 2) + '\u2009%' },
                { title: 'From', value: (row) => day(row.starts_on) },
                { title: 'To', value: (row) => day(row.ends_on) },
                { title: 'Replaced', value: (row) => day(row.replaced_on) },
                { title: 'Notes', value: (row) => orDash(row.notes) },
            ],
            one.history,
            'There is none.',
        ),
        may('admin') && [
            h('h3', null, 'Agree anew'),
            form(
                [
                    { name: 'tier', label: 'Tier', kind: 'select', options: ['standard', 'premium', 'trial'] },
                    { name: 'commission_rate', label: 'Commission, per cent', kind: 'number', required: true },
                    { name: 'starts_on', label: 'From', kind: 'day', hint: 'Today unless given.' },
                    { name: 'ends_on', label: 'To', kind: 'day' },
                    { name: 'notes', label: 'Notes' },
                ],
                'Agree',
                async (values) => {
                    await put(['api', 'merchants', id, 'partnership'], without(values));
                    await element.reload();
                },
            ),
        ],
    ];
}

async function reviews(id) {
    const first = await get(['api', 'merchants', id, 'reviews'], { page_size: 1 });
    return [
        facts([
            ['Average', first.rating === null ? '\u2014' : number(first.rating, 2)],
            ['Ratings', number(first.rating_count)],
            ['One to five', first.histogram.map((count) => number(count)).join(' \u00b7 ')],
        ]),
        await list(
            'Reviews',
            [
                { title: 'Rating', number: true, value: (one) => number(one.rating) },
                { title: 'Comment', value: (one) => one.comment },
                { title: 'By', value: (one) => one.author },
                { title: 'When', value: (one) => moment(one.updated_at) },
            ],
            async (after) => pageOf(await get(['api', 'merchants', id, 'reviews'], { after }), 'reviews'),
            'No comment is shown.',
        ),
    ];
}

function addLocation(id, changed) {
    return form(
        [
            { name: 'name', label: 'Name' },
            { name: 'latitude', label: 'Latitude', kind: 'number', required: true },
            { name: 'longitude', label: 'Longitude', kind: 'number', required: true },
            { name: 'street', label: 'Street' },
            { name: 'city', label: 'City' },
            { name: 'postal_code', label: 'Postal code' },
            { name: 'country', label: 'Country', hint: 'Two capital letters.' },
            { name: 'timezone', label: 'Time zone', hint: 'Such as Europe/Berlin.' },
            { name: 'hours', label: 'Opening hours (JSON)', kind: 'json' },
        ],
        'Add it',
        async (values) => {
            await post(['api', 'merchants', id, 'locations'], without(values));
            await changed();
        },
    );
}

function merchantDetail(id) {
    const place = h('div');
    const show = async () => {
        const one = await get(['api', 'merchants', id]);
        const away = button(
            'Delete',
            () =>
                confirmed(
                    'Take this merchant out of every list?',
                    'Its locations and fences go with it; purchases and history stay.',
                    'Delete',
                    async () => {
                        await remove(['api', 'merchants', id]);
                        location.hash = '#/merchants';
                    },
                ),
            { class: 'danger' },
        );
        place.replaceChildren(
            ...[
                heading(one.name, may('admin') && one.is_active && away),
                h('p', { class: 'under' }, badge(one.is_active ? 'active' : 'inactive'), ' ', one.category, ' ', h('code', null, id)),
                one.description && h('p', null, one.description),
                panel('Locations', () => locations(id)),
                h(
                    'div',
                    { class: 'grid two' },
                    may('admin', 'analytics') && panel('Figures', () => merchantFigures(id)),
                    panel('Ratings', () => reviews(id)),
                ),
                may('admin', 'analytics') && panel('Partnership', (element) => partnership(id, element)),
                may('admin') && panel('Add a location', async () => addLocation(id, show)),
            ].filter(Boolean),
        );
    };
    return panelless(place, show);
}

export function merchantsView([id]) {
    if (id === 'new') return newMerchant();
    if (id === 'reviews') return reviewsView();
    return id ? merchantDetail(id) : merchantsList();
}
