// format.js: figures, moments and words as people read them. Null is a dash.

const DASH = '\u2014';

export function number(value, digits = 0) {
    if (value === null || value === undefined) return DASH;
    return Number(value).toLocaleString(undefined, {
        minimumFractionDigits: digits,
        maximumFractionDigits: Math.max(digits, Number.isInteger(Number(value)) ? 0 : 2),
    });
}

export function compact(value) {
    if (value === null || value === undefined) return DASH;
    return Number(value).toLocaleString(undefined, { notation: 'compact', maximumFractionDigits: 1 });
}

export function money(value, currency) {
    if (value === null || value === undefined) return DASH;
    if (!currency) return number(value, 2);
    return Number(value).toLocaleString(undefined, { style: 'currency', currency, currencyDisplay: 'narrowSymbol' });
}

// Of a share from 0 to 1.
export function percent(share, digits = 1) {
    if (share === null || share === undefined) return DASH;
    return number(share * 100, digits) + '\u2009%';
}

// Of a figure that is in per cent already.
export function perCent(value, digits = 1) {
    return value === null || value === undefined ? DASH : number(value, digits) + '\u2009%';
}

export function signed(value, digits = 1) {
    if (value === null || value === undefined) return DASH;
    return (value > 0 ? '+' : '') + number(value, digits);
}

export function day(text) {
    if (!text) return DASH;
    const date = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(text + 'T12:00:00') : new Date(text);
    return date.toLocaleDateString(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
}

export function moment(text) {
    if (!text) return DASH;
    return new Date(text).toLocaleString(undefined, {
        day: 'numeric',
        month: 'short',
        year: 'numeric',
        hour: '2-digit',
        minute: '2-digit',
    });
}

export function duration(seconds) {
    if (seconds === null || seconds === undefined) return DASH;
    for (const [unit, size] of [
        ['day', 86400],
        ['hour', 3600],
        ['minute', 60],
    ]) {
        if (seconds >= size) return number(Math.round(seconds / size)) + ' ' + unit + (seconds >= 1.5 * size ? 's' : '');
    }
    return number(Math.round(seconds)) + ' s';
}

// "per_user_limit" and "LOYALTY_BOOST" as words.
export function words(name) {
    if (!name) return DASH;
    const text = String(name)
        .replace(/([a-z])([A-Z])/g, '$1 $2')
        .replace(/_/g, ' ')
        .toLowerCase();
    return (text[0].toUpperCase() + text.slice(1)).replace(/\b(api|cpu|id|p99)\b/gi, (short) => short.toUpperCase());
}

export function orDash(value) {
    return value === null || value === undefined || value === '' ? DASH : String(value);
}

// What an offer gives, in a few words.
export function offer(campaign) {
    const amount = campaign.offer_amount;
    if (campaign.offer_type === 'PERCENTAGE') return number(amount) + '\u2009% off';
    if (campaign.offer_type === 'FIXED_DISCOUNT') return money(amount, campaign.currency) + ' off';
    return words(campaign.offer_type);
}

// A day as the routes take it, some days before today.
export function daysAgo(days) {
    const date = new Date(Date.now() - days * 86400000);
    return date.getFullYear() + '-' + String(date.getMonth() + 1).padStart(2, '0') + '-' + String(date.getDate()).padStart(2, '0');
}
