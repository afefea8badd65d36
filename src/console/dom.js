// dom.js: makes elements. Texts become text nodes, never HTML: nothing that somebody typed can be markup.

function append(element, children) {
    for (const child of children.flat(Infinity)) {
        if (child !== null && child !== undefined && child !== false) element.append(child);
    }
    return element;
}

// An attribute that is a function is a listener: {onclick: f}; true is an attribute without a value, null and false are none.
function decorate(element, attributes) {
    for (const [name, value] of Object.entries(attributes || {})) {
        if (typeof value === 'function') element.addEventListener(name.slice(2), value);
        else if (name === 'width%') element.style.width = value + '%';
        else if (value === true) element.setAttribute(name, '');
        else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
    }
    return element;
}

export function h(name, attributes, ...children) {
    return append(decorate(document.createElement(name), attributes), children);
}

export function svg(name, attributes, ...children) {
    return append(decorate(document.createElementNS('http://www.w3.org/2000/svg', name), attributes), children);
}

let lastId = 0;
export function newId() {
    lastId += 1;
    return 'id' + lastId;
}

// Told to whoever does not see the page.
export function say(text) {
    document.getElementById('said').textContent = text;
}
