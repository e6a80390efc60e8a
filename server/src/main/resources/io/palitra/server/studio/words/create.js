export default {
    en: { 'create.about': '' },
    ru: { 'create.about': '' },
};
