#!/bin/sh
# page.sh DIRECTORY: prints the C source of the operators' page (src/routes/console_page.h), put together from that directory:
# page.html, in which the style and the script are empty; style.css; and the modules, in the order below, as one script. What a
# module takes from others (a line that begins with import) is in the same script, so all names at the top of modules are different.
# Needs sh, awk and sed.
set -eu
LC_ALL=C
export LC_ALL
cd "$1"

modules='dom format api ui chart form session overview campaign_form campaigns flags tests people merchants operations app'
for module in $modules; do files="${files-} $module.js"; done
for file in *.js; do
    case " $files " in *" $file "*) ;; *) echo "page.sh: $1/$file is not among the modules" >&2; exit 1 ;; esac
done
# shellcheck disable=SC2086  # a list of names
if grep -n '[^ -~]' page.html style.css $files >&2; then
    echo "page.sh: only printable ASCII may be in the page: it is the same in every encoding of a database" >&2
    exit 1
fi
# shellcheck disable=SC2086
if grep -n -e '^import .*[^;]$' -e '^} from' $files >&2; then
    echo "page.sh: an import stands on one line, which is left out" >&2
    exit 1
fi

# The lines as one constant of C, without a newline after the last one, so that a block is its constant to the byte. "?" is escaped
# because two of them may begin a trigraph.
constant() {
    echo "const char $1[] ="
    sed -e 's/[\\"?]/\\&/g' -e 's/^/    "/' -e '$!s/$/\\n"/' -e '$s/$/";/'
}
# Those lines of the page that are before (0), between (1) and after (2) the two empty blocks.
around() {
    awk -v wanted="$1" '
        { at = index($0, "></style>"); if (!at) at = index($0, "></script>") }
        !at { if (part + 0 == wanted) print; next }
        { if (part + 0 == wanted) print substr($0, 1, at); part++; if (part + 0 == wanted) print substr($0, at + 1) }' page.html
}

echo '/* Made by src/console/page.sh. */'
echo '#include "routes/console_page.h"'
around 0 | constant ss_console_before_style
constant ss_console_style <style.css
around 1 | constant ss_console_before_script
# shellcheck disable=SC2086
sed -e '/^import /d' -e 's/^export //' $files | constant ss_console_script
around 2 | constant ss_console_end
