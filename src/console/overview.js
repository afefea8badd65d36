// overview.js: how the programme is doing, on one screen.
import { h } from './dom.js';
import { get, may, post, rpc } from './api.js';
import { badge, bar, heading, link, panel } from './ui.js';
import { timeChart } from './chart.js';
import { compact, duration, moment, money, number, signed, words } from './format.js';

function tile(label, value, note) {
    return h(
        'div',
        { class: 'tile' },
        h('dt', null, label),
        h('dd', null, h('b', null, value), note && h('span', { class: 'quiet' }, note)),
    );
}

async function readDays(portfolio) {
    const { start_date, end_date } = portfolio.period;
    const report = await post(['api', 'analytics', 'custom-report'], {
        source: 'purchases',
        measures: ['purchases', 'net_amount', 'points_earned'],
        dimensions: ['day'],
        filters: [{ field: 'currency', op: 'eq', value: portfolio.currency }],
        start_date,
        end_date,
        order_by: [{ field: 'day' }],
    });
    const found = new Map(report.rows.map((row) => [row[0], row]));
    const days = [];
    for (let at = new Date(start_date + 'T00:00:00Z'); at <= new Date(end_date + 'T00:00:00Z'); at = new Date(at.getTime() + 86400000)) {
        const name = at.toISOString().slice(0, 10);
        const [, purchases = 0, amount = 0, points = 0] = found.get(name) || [];
        days.push({ at: name, purchases: Number(purchases), amount: Number(amount), points: Number(points) });
    }
    return days;
}

function sum(days, key) {
    return days.reduce((total, one) => total + one[key], 0);
}

function tiles(days, portfolio, liability) {
    const today = days[days.length - 1];
    const { currency } = portfolio;
    const { campaigns, totals, previous } = portfolio;
    const before = previous.cost ? ((totals.cost - previous.cost) / previous.cost) * 100 : null;
    return h(
        'dl',
        { class: 'tiles' },
        tile('Purchases today', number(today.purchases), `${number(sum(days, 'purchases'))} in 30 days`),
        tile('Spent today', money(today.amount, currency), `${money(sum(days, 'amount'), currency)} in 30 days`),
        tile('Points today', number(today.points), `${number(sum(days, 'points'))} in 30 days`),
        tile(
            'Liability',
            money(liability.value, currency),
            `${compact(liability.points_available)} points, ${compact(liability.points_pending)} pending`,
        ),
        tile('Cost of campaigns', money(totals.cost, currency), before === null ? '30 days' : `${signed(before)}\u2009% on 30 days before`),
        tile(
            'Running campaigns',
            number(campaigns.by_status.running),
            `${number(campaigns.by_status.draft)} in draft, ${number(campaigns.by_status.paused)} paused`,
        ),
    );
}

function daysChart(title, unit, days, key) {
    return timeChart(
        title,
        unit,
        [{ name: title, kind: 'bars' }],
        days.map((one) => ({ at: one.at, values: [one[key]] })),
    );
}

async function budgets() {
    const answer = await get(['api', 'campaigns'], { status: 'running', page_size: 100 });
    const limited = answer.campaigns
        .filter((one) => one.budget !== null)
        .sort((a, b) => b.spent / b.budget - a.spent / a.budget)
        .slice(0, 5);
    if (limited.length === 0) return h('p', { class: 'quiet' }, 'No running campaign has a budget.');
    return h(
        'ul',
        { class: 'rows' },
        limited.map((one) =>
            h(
                'li',
                null,
                link(one.name, 'campaigns', one.campaign_id),
                bar(one.spent / one.budget, `${number(one.spent)} of ${number(one.budget)}`, 'Budget of ' + one.name),
            ),
        ),
    );
}

async function runningTests() {
    const answer = await get(['api', 'ab-tests'], { status: 'running', page_size: 5 });
    if (answer.tests.length === 0) return h('p', { class: 'quiet' }, 'No test is running.');
    return h(
        'ul',
        { class: 'rows' },
        answer.tests.map((one) =>
            h(
                'li',
                null,
                link(one.test_name, 'tests', one.test_id),
                one.target_sample_size
                    ? bar(
                          one.users / one.target_sample_size,
                          `${compact(one.users)} of ${compact(one.target_sample_size)} users`,
                          'Users of ' + one.test_name,
                          true,
                      )
                    : h('span', { class: 'quiet' }, number(one.users) + ' users'),
            ),
        ),
    );
}

async function openAlerts() {
    const answer = await rpc('list_alerts', { open: true, page_size: 5 });
    if (answer.total === 0) return h('p', { class: 'quiet' }, 'No alert is open.');
    return h(
        'ul',
        { class: 'rows' },
        answer.alerts.map((one) =>
            h(
                'li',
                null,
                h('a', { href: '#/operations' }, words(one.figure)),
                badge(one.severity),
                h('span', { class: 'quiet' }, `${number(one.value, 1)}, since ${moment(one.opened_at)}`),
            ),
        ),
    );
}

async function health() {
    const answer = await get(['api', 'admin', 'health']);
    const services = Object.entries(answer.services).map(([name, service]) =>
        h('li', null, h('span', null, words(name)), badge(service.status)),
    );
    const { background_jobs: jobs } = answer.services;
    return [
        h(
            'ul',
            { class: 'rows two' },
            h('li', null, h('b', null, 'Overall'), badge(answer.status)),
            services,
            h(
                'li',
                null,
                h('span', null, 'Waiting messages'),
                h('span', { class: 'quiet' }, `${number(jobs.queued_jobs)}, ${duration(jobs.oldest_job_seconds)}`),
            ),
        ),
    ];
}

export function overviewView() {
    const charts = h('div', { class: 'split' });
    const figures = panel(
        'Figures',
        async () => {
            const portfolio = await rpc('get_campaign_portfolio');
            const [days, liability] = await Promise.all([readDays(portfolio), rpc('get_points_liability', { days: 1 })]);
            charts.replaceChildren(
                daysChart('Purchases', 'completed, a day', days, 'purchases'),
                daysChart('Points earned', 'points a day', days, 'points'),
            );
            return [tiles(days, portfolio, liability), charts];
        },
        { class: 'bare' },
    );
    return [
        heading('Overview'),
        figures,
        h(
            'div',
            { class: 'grid four' },
            panel('Budgets', budgets),
            panel('Running tests', runningTests),
            may('admin') && panel('Open alerts', openAlerts),
            may('admin') && panel('Health', health),
        ),
    ];
}
