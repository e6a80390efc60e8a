// What a fault says to a person, in the language that is chosen where the page has words for it.
import { t, knows, duration } from './words.js';

/** fault: a Fault, or {code, field, message} of a job */
export function faultText(fault) {
    if (!fault) return '';
    const said = knows(`fault.${fault.code}`) ? t(`fault.${fault.code}`) : fault.message || String(fault);
    const more = knows(`fault.${fault.code}`) && fault.code !== 'offline' && fault.message ? ` ${fault.message}` : '';
    return said + more + (fault.retry ? ` ${t('fault.retry', { time: duration(fault.retry) })}` : '');
}
