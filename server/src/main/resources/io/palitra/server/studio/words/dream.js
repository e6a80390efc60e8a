export default {
    en: { 'dream.about': '' },
    ru: { 'dream.about': '' },
};
