// operations.js: how the service itself is, and what keeps it so.
import { h, say } from './dom.js';
import { get, rpc } from './api.js';
import { badge, button, dialog, facts, heading, list, pageOf, panel, table, tabs } from './ui.js';
import { filters } from './campaigns.js';
import { form } from './form.js';
import { timeChart } from './chart.js';
import { compact, duration, moment, number, orDash, perCent, percent, words } from './format.js';

const TABS = [
    ['health', 'Health', 'operations'],
    ['jobs', 'Jobs', 'operations/jobs'],
    ['sinks', 'Sinks', 'operations/sinks'],
    ['audit', 'Audit log', 'operations/audit'],
    ['settings', 'Settings', 'operations/settings'],
];

// --- health ---

const FIGURES = [
    'cpu_percent',
    'memory_percent',
    'disk_percent',
    'connections_percent',
    'api_calls',
    'api_p99_ms',
    'api_error_percent',
    'commit_ms',
    'transaction_age',
    'outbox_queued',
    'outbox_oldest_seconds',
    'errors_last_hour',
    'autovacuum_backlog',
    'database_bytes',
];

async function healthNow() {
    const one = await get(['api', 'admin', 'health']);
    const { api, cache, database, background_jobs: jobs } = one.services;
    return facts([
        ['Overall', badge(one.status)],
        ['Database', [badge(database.status), ` ${number(database.active_connections)} of ${number(database.max_connections)} sessions`]],
        ['Cache', [badge(cache.status), ' ' + percent(cache.hit_rate)]],
        ['API', [badge(api.status), api.p99_latency_ms === null ? '' : ` ${number(api.p99_latency_ms, 1)} ms (99\u2009%)`]],
        ['Messages', [badge(jobs.status), ` ${number(jobs.queued_jobs)} wait, ${duration(jobs.oldest_job_seconds)}`]],
        ['Processors', perCent(one.metrics.cpu_percent)],
        ['Memory', perCent(one.metrics.memory_percent)],
        ['Disk', perCent(one.metrics.disk_usage_percent)],
        ['Uptime', perCent(one.uptime_percent, 2)],
        ['Measured', moment(one.timestamp)],
    ]);
}

function acknowledging(one, changed) {
    dialog('Somebody looks after it', (close) =>
        form(
            [{ name: 'note', label: 'Note', kind: 'area', hint: 'Kept with the alert.' }],
            'Acknowledge',
            async ({ note }) => {
                await rpc('acknowledge_alert', { alert_id: one.alert_id, note });
                say('Acknowledged');
                close();
                await changed();
            },
            button('Cancel', close),
        ),
    );
}

async function alerts(element) {
    const [open, resolved] = await Promise.all([
        rpc('list_alerts', { open: true, page_size: 100 }),
        rpc('list_alerts', { open: false, page_size: 10 }),
    ]);
    const columns = [
        { title: 'Figure', value: (one) => words(one.figure) },
        { title: 'Severity', value: (one) => badge(one.severity) },
        { title: 'Value', number: true, value: (one) => number(one.value, 1) },
        { title: 'Threshold', number: true, value: (one) => number(one.threshold) },
        { title: 'Opened', value: (one) => moment(one.opened_at) },
        { title: 'Resolved', value: (one) => moment(one.resolved_at) },
        {
            title: 'Looked after',
            value: (one) => {
                if (one.acknowledged_at) return [moment(one.acknowledged_at), one.note && h('span', { class: 'quiet' }, ' ' + one.note)];
                return one.resolved_at
                    ? '\u2014'
                    : button('Acknowledge', () => acknowledging(one, () => element.reload()), {
                          'aria-label': 'Acknowledge ' + words(one.figure),
                      });
            },
        },
    ];
    return table('Alerts', columns, [...open.alerts, ...resolved.alerts], 'There were none.');
}

function historyPanel() {
    const wanted = { figure: FIGURES[0], hours: '24' };
    const found = panel('History', async () => {
        const answer = await rpc('get_health_history', {
            figure: wanted.figure,
            start_date: new Date(Date.now() - wanted.hours * 3600000).toISOString(),
        });
        if (answer.points.length === 0) return h('p', { class: 'quiet' }, 'There are no samples: the background worker takes them.');
        const points = answer.points.map((one) => ({
            at: one.at,
            label: moment(one.at || one.period_start || one.start),
            values: [one.avg, one.max],
        }));
        return timeChart(
            words(wanted.figure),
            'by ' + answer.resolution,
            [
                { name: 'Mean', kind: 'line' },
                { name: 'Greatest', kind: 'line' },
            ],
            points,
        );
    });
    const choose = (label, name, options) =>
        h(
            'label',
            { class: 'quiet' },
            label,
            ' ',
            h(
                'select',
                {
                    onchange: (event) => {
                        wanted[name] = event.target.value;
                        found.reload();
                    },
                },
                options.map(([value, text]) => h('option', { value }, text)),
            ),
        );
    found.tools(
        choose(
            'Figure',
            'figure',
            FIGURES.map((name) => [name, words(name)]),
        ),
        choose('Of', 'hours', [
            ['24', 'a day'],
            ['1', 'an hour'],
            ['168', 'a week'],
            ['2160', '90 days'],
        ]),
    );
    return found;
}

function healthTab() {
    return [panel('Now', healthNow), panel('Alerts', alerts), historyPanel()];
}

// --- jobs ---

function jobsTab() {
    const found = panel('Jobs', async () => {
        const status = await rpc('worker_status');
        const change = (one) =>
            button(
                one.enabled ? 'Disable' : 'Enable',
                async () => {
                    await rpc('set_job', { job: one.job, enabled: !one.enabled });
                    await found.reload();
                },
                { 'aria-label': `${one.enabled ? 'Disable' : 'Enable'} ${words(one.job)}` },
            );
        const run = (one) =>
            button(
                'Run soon',
                async () => {
                    await rpc('set_job', { job: one.job, next_run_at: new Date().toISOString() });
                    await found.reload();
                },
                { 'aria-label': `Run ${words(one.job)} soon` },
            );
        return [
            facts([
                ['Worker', badge(status.state)],
                ['Listed in swipesavvy.databases', status.listed ? 'yes' : 'no'],
                ['Database', status.database],
            ]),
            table(
                'Jobs',
                [
                    { title: 'Job', value: (one) => words(one.job) },
                    { title: 'State', value: (one) => badge(one.state) },
                    { title: 'Every', value: (one) => duration(one.every_seconds) },
                    { title: 'Runs', number: true, value: (one) => number(one.runs) },
                    { title: 'Failures', number: true, value: (one) => number(one.failures) },
                    {
                        title: 'Took',
                        number: true,
                        value: (one) => (one.last_duration_ms === null ? '\u2014' : compact(one.last_duration_ms) + ' ms'),
                    },
                    { title: 'Last', value: (one) => moment(one.last_run_at) },
                    { title: 'Next', value: (one) => moment(one.next_run_at) },
                    { title: 'Last error', value: (one) => orDash(one.last_error) },
                    { title: 'Change', value: (one) => h('div', { class: 'tools' }, change(one), one.enabled && run(one)) },
                ],
                status.jobs,
            ),
        ];
    });
    return [found];
}

// --- sinks ---

async function preview(sink) {
    const one = await rpc('preview_sink', { sink });
    dialog('A request as it would be sent', (close) => [
        h('p', null, h('code', null, `${one.method} ${one.url}`)),
        h('pre', null, one.headers.join('\n')),
        h('pre', null, one.body),
        h('p', { class: 'actions' }, button('Close', close)),
    ]).classList.add('wide');
}

function sinksTab() {
    const found = panel('Sinks', async () => {
        const { sinks } = await rpc('list_sinks');
        return table(
            'Sinks',
            [
                { title: 'Sink', value: (one) => one.sink },
                { title: 'Kind', value: (one) => one.kind },
                { title: 'State', value: (one) => badge(one.state) },
                { title: 'To', value: (one) => orDash(one.url) },
                { title: 'Asks for', value: (one) => (one.events || []).join(', ') || '\u2014' },
                { title: 'Waiting', number: true, value: (one) => number(one.queued) },
                { title: 'Last success', value: (one) => moment(one.last_success_at) },
                { title: 'Last error', value: (one) => orDash(one.last_error) },
                {
                    title: 'Try',
                    value: (one) =>
                        h(
                            'div',
                            { class: 'tools' },
                            button('Preview', () => preview(one.sink), { 'aria-label': 'Preview ' + one.sink }),
                            button(
                                'Test',
                                async () => {
                                    await rpc('test_sink', { sink: one.sink });
                                    say('Something is on its way to ' + one.sink);
                                    await found.reload();
                                },
                                { 'aria-label': 'Test ' + one.sink },
                            ),
                        ),
                },
            ],
            sinks,
            'Nobody outside is told anything.',
        );
    });
    return [found];
}

// --- the audit log ---

function sealPanel() {
    const checked = h('div', { role: 'status' });
    const found = panel('Seal', async () => {
        const seal = await rpc('latest_audit_seal');
        return [
            facts([
                ['Latest seal', orDash(seal.seal_no)],
                ['Sealed', moment(seal.sealed_at)],
                ['Rows', number(seal.row_count)],
                ['Digest', h('code', null, orDash(seal.digest))],
            ]),
            checked,
        ];
    });
    found.tools(
        button('Seal now', async () => {
            await rpc('seal_audit_log');
            await found.reload();
        }),
        button('Verify', async () => {
            const one = await rpc('verify_audit_log');
            checked.replaceChildren(
                h(
                    'p',
                    null,
                    badge(one.status),
                    ` ${number(one.rows_checked)} rows under ${number(one.seals_checked)} seals; ${number(one.rows_unsealed)} rows are not sealed yet.`,
                ),
                ...(one.first_problem ? [h('pre', null, JSON.stringify(one.first_problem, null, 1))] : []),
            );
        }),
    );
    return found;
}

function auditTab() {
    let wanted = {};
    const detail = (one) =>
        dialog('A row of the audit log', (close) => [
            h('pre', null, JSON.stringify(one, null, 1)),
            h('p', { class: 'actions' }, button('Close', close)),
        ]).classList.add('wide');
    const found = panel('Audit log', () =>
        list(
            'Audit log',
            [
                { title: 'When', value: (one) => moment(one.timestamp) },
                { title: 'What', value: (one) => one.event_type },
                { title: 'State', value: (one) => badge(one.status) },
                { title: 'Resource', value: (one) => h('code', null, orDash(one.resource_id)) },
                { title: 'By', value: (one) => h('code', null, one.actor_id || one.invoking_role) },
                { title: 'From', value: (one) => orDash(one.ip_address) },
                {
                    title: 'Row',
                    value: (one) =>
                        button('Show', () => detail(one), {
                            class: 'plain',
                            'aria-label': `Show ${one.event_type} of ${moment(one.timestamp)}`,
                        }),
                },
            ],
            async (after) => pageOf(await rpc('get_audit_logs', { ...wanted, after, page_size: 50 }), 'logs'),
            'No row is like that.',
        ),
    );
    const choose = filters(
        [
            { name: 'event_type', label: 'Event type' },
            { name: 'resource', label: 'Resource' },
            { name: 'user_id', label: 'About the user (id)' },
        ],
        (chosen) => {
            wanted = chosen;
            found.reload();
        },
    );
    return [sealPanel(), choose, found];
}

// --- settings ---
//
// They are read by a change of nothing: there is no other way, and the audit log has it.

function settingKind(value, name) {
    if (typeof value === 'boolean') return 'check';
    return typeof value === 'number' || (value === null && name !== 'currency') ? 'number' : 'text';
}

function settingsTab() {
    const found = panel('Settings', async () => {
        const { updated_settings: settings } = await rpc('update_system_settings', { settings: {} });
        const fields = Object.keys(settings)
            .sort()
            .map((name) => ({ name, label: words(name), value: settings[name], kind: settingKind(settings[name], name) }));
        return form(fields, 'Save what has changed', async (values, changed) => {
            await rpc('update_system_settings', { settings: changed });
            say('Saved');
            await found.reload();
        });
    });
    return [found];
}

export function operationsView([tab = 'health']) {
    const shown = { health: healthTab, jobs: jobsTab, sinks: sinksTab, audit: auditTab, settings: settingsTab }[tab] || healthTab;
    return [heading('Operations'), tabs('Operations', TABS, tab), shown()];
}
