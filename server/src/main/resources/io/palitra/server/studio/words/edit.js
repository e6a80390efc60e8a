export default {
    en: { 'edit.about': '' },
    ru: { 'edit.about': '' },
};
