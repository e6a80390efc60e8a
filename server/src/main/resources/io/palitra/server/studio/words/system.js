export default {
    en: { 'system.about': '' },
    ru: { 'system.about': '' },
};
